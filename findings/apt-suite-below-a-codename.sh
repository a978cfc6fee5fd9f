#!/usr/bin/env bash
# apt 2.6.2 (Debian 12): the suite of a source may name directories below a suite. Only what stands in
# front of its last "/" is compared with Suite and Codename of the Release file: "bookworm/20260101T000000Z"
# is taken without a word for an archive that calls itself bookworm, and so is "bookworm/updates" and
# any other last part, while "trixie/20260101T000000Z" warns of a conflicting distribution. So an archive can keep
# dated copies of its dists below the suite itself, with the Release files as they were.
# Source: apt-pkg/acquire-item.cc, where the vendor of a Release file is verified.
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

publish() { # directory below dists
    mkdir -p "archive/dists/$1/main/binary-amd64"
    (
        cd "archive/dists/$1"
        printf 'Package: hello\nVersion: 1.0\nArchitecture: amd64\nMaintainer: x <x@example.org>\nFilename: pool/hello.deb\nSize: 1\nSHA256: %064d\nDescription: x\n' \
            0 >main/binary-amd64/Packages
        printf 'Origin: Finding\nSuite: bookworm\nCodename: bookworm\nDate: %s\nArchitectures: amd64\nComponents: main\nSHA256:\n %s %s main/binary-amd64/Packages\n' \
            "$(LC_ALL=C date -u -R | sed 's/+0000/UTC/')" \
            "$(sha256sum main/binary-amd64/Packages | cut -d' ' -f1)" \
            "$(stat -c %s main/binary-amd64/Packages)" >Release
        gpg --batch --quiet --yes --clearsign --output InRelease Release
    )
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
update() { # suite
    publish "$1"
    echo "deb [signed-by=$place/key.asc] http://127.0.0.1:$port/ $1 main" \
        >client/etc/apt/sources.list.d/finding.list
    apt_get -q update 2>&1
}

for suite in bookworm bookworm/20260101T000000Z bookworm/anything; do
    said=$(update "$suite")
    printf '%s\n' "$said"
    if grep -qE '^(W|E|N):' <<<"$said"; then echo "apt says something of $suite now" >&2; exit 1; fi
done
said=$(update trixie/20260101T000000Z)
printf '%s\n' "$said"
grep -q '^W: Conflicting distribution: .*(expected trixie/20260101T000000Z but got bookworm)' <<<"$said" ||
    { echo "another front part is taken now, or expected in another way" >&2; exit 1; }
echo "as stated: only what stands in front of the last / is compared"
