#!/usr/bin/env bash
# apt-cacher-ng 3.7.4 (Debian 12) takes two servers of one host for the same: a package file that it
# fetched from port 32766 is its answer for that path on any other port, whatever is there. And it
# neither listens on a port above 32767 nor fetches from one. With "Port=32768" it prints "Error
# resolving address for binding: Success" and runs on without listening. Asked for a file of a server
# on such a port, it answers 503. 3.7.5 of Debian 13 and sid has the same limit. Linux gives a server
# that asks for any free port one from 32768 on, so this meets every server of a test.
# Source: strace shows that it looks the number up in /etc/services, as if it were a name.
set -euo pipefail
version=3.7.4-1+b2
place=$(mktemp -d)
running=()
stop() {
    for process in "${running[@]}"; do
        kill "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    running=()
}
trap 'stop; rm -rf "$place"' EXIT
cd "$place"

mkdir debs system archive
(cd debs && apt-get -q -o APT::Sandbox::User=root download "apt-cacher-ng=$version" libc-ares2 \
    libevent-2.1-7 libevent-pthreads-2.1-7 libwrap0 >/dev/null)
for deb in debs/*.deb; do dpkg-deb -x "$deb" system; done
export LD_LIBRARY_PATH=$place/system/usr/lib/x86_64-linux-gnu
for port in 32765 32766 32769; do
    mkdir -p "archive/$port"
    echo "of $port" | tee "archive/$port/own-${port}_1.0_all.deb" >"archive/$port/hello_1.0_all.deb"
done

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
await() { for _ in $(seq 50); do listens "$1" && return; sleep 0.1; done; return 1; }
proxy() { # port
    mkdir -p cache log
    system/usr/sbin/apt-cacher-ng -c system/etc/apt-cacher-ng ForeGround=1 "Port=$1" \
        BindAddress=127.0.0.1 AllowUserPorts=0 "CacheDir=$place/cache" "LogDir=$place/log" \
        "SupportDir=$place/system/usr/lib/apt-cacher-ng" "PidFile=$place/pid" >said 2>&1 &
    running+=($!)
}
origin() { # port
    python3 -m http.server --bind 127.0.0.1 --directory "archive/$1" "$1" >/dev/null 2>&1 &
    running+=($!)
    await "$1"
}
answer() { # port of the origin, name of a package
    curl -s --noproxy '' -x http://127.0.0.1:32767 -o got -w '%{http_code}' \
        "http://127.0.0.1:$1/${2}_1.0_all.deb"
}

proxy 32768
process=$!
if await 32768; then echo "it listens on 32768: behaviour changed" >&2; exit 1; fi
cat said
grep -q 'Error resolving address for binding: Success' said
kill -0 "$process" # it still runs
stop

proxy 32767
await 32767
origin 32765
origin 32766
origin 32769
[ "$(answer 32766 own-32766)" = 200 ]
said=$(answer 32769 own-32769)
[ "$said" = 503 ] || { echo "it answers $said for port 32769: behaviour changed" >&2; exit 1; }

[ "$(answer 32766 hello)" = 200 ]
[ "$(answer 32765 own-32765)" = 200 ] # this server can be reached
[ "$(answer 32765 hello)" = 200 ]
grep -qx 'of 32766' got || { echo "the answer is $(cat got): behaviour changed" >&2; exit 1; }
echo "as stated: no port above 32767, and one cache for all ports of a host"
