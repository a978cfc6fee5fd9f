#!/usr/bin/env bash
# apt-ftparchive 2.6.2 (Debian 12): `packages DIR` writes a .udeb into the index of ordinary packages,
# between the .debs and with no field that tells it apart: an installer's package that apt then offers
# to every system. A program that reads such an index, to mirror it for instance, has only the
# end of Filename to go by.
# Source: the output below.
set -euo pipefail
version=2.6.2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" && chmod 755 "$place"

mkdir debs system archive
(cd debs && apt-get -q -o APT::Sandbox::User=root download "apt-utils=$version" "libapt-pkg6.0=$version" >/dev/null)
for deb in debs/*.deb; do dpkg-deb -x "$deb" system; done
export LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(dirname "$(find "$place/system" -name 'libapt-pkg.so.6.0')")
system/usr/bin/apt-ftparchive --version | sed -n 1p

for kind in deb udeb; do
    mkdir -p "$kind/DEBIAN"
    printf 'Package: example-%s\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' "$kind" >"$kind/DEBIAN/control"
    env -u LD_LIBRARY_PATH dpkg-deb --root-owner-group --build "$kind" "archive/example-${kind}_1_all.$kind" >/dev/null
done
found=$(system/usr/bin/apt-ftparchive packages archive)
grep -E '^(Package|Filename):' <<<"$found"
[ "$(grep -c '^Package: ' <<<"$found")" = 2 ]
grep -q '^Filename: archive/example-udeb_1_all.udeb$' <<<"$found"
if grep -q '^Package-Type:' <<<"$found"; then exit 1; fi
echo "as found: the .udeb stands in the index of ordinary packages"
