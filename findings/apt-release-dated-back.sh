#!/usr/bin/env bash
# apt 2.6.2 (Debian 12): a signed InRelease whose Date is older than the one that apt has is
# ignored without a word. `apt-get update` prints "Get:" for the new file, neither a warning nor
# an error, ends with 0 and keeps the old indexes, with APT::Update::Error-Mode=any too. A second update is
# the same. So an archive whose clock was set back is dead for its clients until its clock has
# caught up, and neither they nor it are told.
# Source: apt-pkg/acquire-item.cc, where the dates of the two Release files are compared.
set -euo pipefail
version=2.6.2
place=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; gpgconf --homedir "$place/gnupg" --kill all; rm -rf "$place"' EXIT
cd "$place"

mkdir debs system archive gnupg && chmod 700 gnupg && chmod 755 "$place"
(cd debs && apt-get -q -o APT::Sandbox::User=root download "apt=$version" "libapt-pkg6.0=$version" >/dev/null)
for deb in debs/*.deb; do dpkg-deb -x "$deb" system; done
library=$(dirname "$(find "$place/system" -name 'libapt-pkg.so.6.0')")
apt_get() {
    LD_LIBRARY_PATH=$library APT_CONFIG=$place/apt.conf LC_ALL=C "$place/system/usr/bin/apt-get" "$@"
}
LD_LIBRARY_PATH=$library system/usr/bin/apt-get --version | sed -n 1p

export GNUPGHOME=$place/gnupg
gpg --batch --quiet --passphrase '' --quick-generate-key 'Finding <finding@example.org>' ed25519 sign never
gpg --export --armor >key.asc

publish() { # version of the package, Date of the Release file
    mkdir -p archive/dists/stable/main/binary-amd64
    printf 'Package: hello\nVersion: %s\nArchitecture: amd64\nMaintainer: x <x@example.org>\nFilename: pool/hello_%s.deb\nSize: 1\nSHA256: %064d\nDescription: x\n' \
        "$1" "$1" 0 >archive/dists/stable/main/binary-amd64/Packages
    (
        cd archive/dists/stable
        printf 'Origin: Finding\nSuite: stable\nCodename: stable\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %s main/binary-amd64/Packages\n' \
            "$(LC_ALL=C date -u -R -d "$2" | sed 's/+0000/UTC/')" \
            "$(sha256sum main/binary-amd64/Packages | cut -d' ' -f1)" \
            "$(stat -c %s main/binary-amd64/Packages)" >Release
        gpg --batch --quiet --yes --clearsign --output InRelease Release
    )
}
candidate() {
    LD_LIBRARY_PATH=$library APT_CONFIG=$place/apt.conf LC_ALL=C \
        "$place/system/usr/bin/apt-cache" policy hello | sed -n 's/ *Candidate: //p'
}

mkdir -p client/{etc/apt/{apt.conf.d,preferences.d,sources.list.d},var/lib/apt/lists/partial,var/cache/apt/archives/partial,var/lib/dpkg}
touch client/var/lib/dpkg/status
cat >apt.conf <<END
Dir "$place/client";
Dir::State::status "$place/client/var/lib/dpkg/status";
Dir::Bin::methods "$place/system/usr/lib/apt/methods";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::http::Proxy "DIRECT";
END
python3 -m http.server --bind 127.0.0.1 --directory archive 0 >port 2>/dev/null &
server=$!
for _ in $(seq 100); do grep -q 'port [0-9]' port 2>/dev/null && break; sleep 0.1; done
port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' port)
echo "deb [signed-by=$place/key.asc] http://127.0.0.1:$port/ stable main" \
    >client/etc/apt/sources.list.d/finding.list

publish 1.0 '2 hours ago'
apt_get -q update
[ "$(candidate)" = 1.0 ]

sleep 1.1 # HTTP tells changes by the second
publish 2.0 '1 day ago' # the clock was set back
said=$(apt_get -q -o APT::Update::Error-Mode=any update 2>&1) || { printf "%s\n" "$said"; exit 1; }
printf '%s\n' "$said"
[ "$(candidate)" = 1.0 ] || { echo "the older Release was taken: behaviour changed" >&2; exit 1; }
if grep -qE '^(W|E|N):' <<<"$said"; then echo "apt says something now" >&2; exit 1; fi

sleep 1.1
publish 3.0 '1 hour ago' # it has caught up
apt_get -q update
[ "$(candidate)" = 3.0 ]
echo "as stated: an older Release is ignored silently, exit 0"
