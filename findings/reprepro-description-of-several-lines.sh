#!/usr/bin/env bash
# reprepro 5.3.1 (Debian 12): a Description of several lines in conf/distributions, continued by a blank
# as the file's format allows, is written into Release without that blank. The second line is then neither
# a field nor a continuation. apt skips it; a program that reads Release as deb822 does strictly refuses
# the whole file.
# Source: the output below.
set -euo pipefail
version=5.3.1-1+deb12u2
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place" && chmod 755 "$place"

mkdir -p debs system archive/conf
(cd debs && apt-get -q -o APT::Sandbox::User=root download "reprepro=$version" libdb5.3 libgpgme11 libassuan0 libarchive13 >/dev/null)
for deb in debs/*.deb; do dpkg-deb -x "$deb" system; done
export LD_LIBRARY_PATH
LD_LIBRARY_PATH=$(dirname "$(find "$place/system" -name 'libdb-5.3.so')")
printf '%s\n' 'Codename: stable' 'Architectures: amd64' 'Components: main' \
    'Description: the first line' ' and the second' >archive/conf/distributions
system/usr/bin/reprepro --version 2>&1
system/usr/bin/reprepro -b archive export

grep -n -A2 '^Description' archive/dists/stable/Release
grep -qx 'and the second' archive/dists/stable/Release
if grep -qx ' and the second' archive/dists/stable/Release; then exit 1; fi
echo "as found: the second line of Description has lost its blank"
