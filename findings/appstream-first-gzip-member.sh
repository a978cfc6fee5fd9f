#!/usr/bin/env bash
# libappstream 0.16.1 (Debian 12): of a catalog (DEP-11) that is compressed as a gzip file of several members,
# only the first member is read. The software in the others is missing, without a warning and with exit code 0, though gzip,
# zlib's gzread and apt read such a file whole (RFC 1952, section 2.2: a file is a series of members).
# An archive that appends to its indexes member by member has to write this one in one piece.
# Source: libappstream reads compressed catalogs through GZlibDecompressor of GLib, which ends with the first member.
set -euo pipefail
version=0.16.1-2+b1
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

mkdir debs system
libraries=(libxmlb2 libstemmer0d libyaml-0-2 libcurl3-gnutls libnghttp2-14 librtmp1 libssh2-1 libpsl5 libglib2.0-0 libxml2 libicu72)
(cd debs && apt-get -q -o APT::Sandbox::User=root download "appstream=$version" "libappstream4=$version" "${libraries[@]}" >/dev/null)
for deb in debs/*.deb; do dpkg-deb -x "$deb" system; done
library=$(dirname "$(find "$place/system" -name 'libappstream.so.4')")
appstreamcli() {
    LD_LIBRARY_PATH=$library LC_ALL=C "$place/system/usr/bin/appstreamcli" "$@"
}
appstreamcli --version

component() { # name
    printf -- '---\nType: console-application\nID: org.example.%s\nPackage: %s\nName: {C: %s}\nSummary: {C: An example}\n' "$1" "$1" "$1"
}
{
    printf -- "---\nFile: DEP-11\nVersion: '0.16'\nOrigin: finding-main\n"
    component one
} >first.yml
component two >second.yml
cat first.yml second.yml | gzip -nc >whole.yml.gz
{ gzip -nc first.yml; gzip -nc second.yml; } >members.yml.gz
cmp <(gzip -dc whole.yml.gz) <(gzip -dc members.yml.gz) && echo "gzip reads the same from both"

found() { # file
    appstreamcli convert "$1.yml.gz" "$1.xml"
    grep -o 'org\.example\.[a-z]*</id>' "$1.xml" | sed 's,</id>,,' | xargs
}
whole=$(found whole)
members=$(found members)
printf 'one member:  %s\ntwo members: %s\n' "$whole" "$members"
[ "$whole" = "org.example.one org.example.two" ] || { echo "the file of one member is read otherwise now" >&2; exit 1; }
[ "$members" = "org.example.one" ] || { echo "the second member is read now" >&2; exit 1; }
