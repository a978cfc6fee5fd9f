"""Proxies: the part of a web server's configuration that makes the server public."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debrepo_setup.choices import Choices

#: Where each web server finds its part; Debian's nginx includes the whole directory.
PLACES = {
    "nginx": Path("/etc/nginx/conf.d/debrepo.conf"),
    "caddy": Path("/etc/caddy/debrepo.caddy"),
}

_NGINX = """\
upstream debrepo {{
    server {upstream};
}}
{redirect}
server {{
{listen}
    server_name {host};
{tls}
    client_max_body_size 0;
    location / {{
        proxy_pass http://debrepo;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto $scheme;
        # Uploads and long answers pass through as they come; tasks may take long.
        proxy_request_buffering off;
        proxy_buffering off;
        proxy_read_timeout 1d;
    }}
}}
"""
_REDIRECT = """
server {{
{listen}
    server_name {host};
    return 301 https://$host$request_uri;
}}
"""
_CADDY = """\
{url} {{
{tls}	reverse_proxy {upstream}
}}
"""


def part(choices: Choices) -> str:
    """Return what the web server is told."""
    return _nginx(choices) if choices.proxy == "nginx" else _caddy(choices)


def _nginx(choices: Choices) -> str:
    url = choices.url
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    ssl = " ssl" if secure else ""
    tls = (
        f"    ssl_certificate {choices.tls_certificate};\n"
        f"    ssl_certificate_key {choices.tls_key};\n"
    )
    redirect = _REDIRECT.format(host=url.hostname, listen=_listens("80"))
    return _NGINX.format(
        upstream=f"unix:{choices.socket}" if choices.socket else _reached(choices),
        redirect=redirect if secure and port == 443 else "",
        listen=_listens(f"{port}{ssl}"),
        host=url.hostname,
        tls=tls if secure else "",
    )


def _listens(port: str) -> str:
    there = Path("/proc/net/if_inet6").exists()  # without IPv6, nginx refuses to start
    return f"    listen {port};" + f"\n    listen [::]:{port};" * there


def _caddy(choices: Choices) -> str:
    files = f"{choices.tls_certificate} {choices.tls_key}" if choices.tls_certificate else ""
    return _CADDY.format(
        url=choices.public_url.rstrip("/"),
        tls=f"\ttls {files}\n" if files and choices.url.scheme == "https" else "",
        upstream=f"unix/{choices.socket}" if choices.socket else _reached(choices),
    )


def _reached(choices: Choices) -> str:
    """Return where this machine reaches the server."""
    host, port = choices.address
    return f"{'127.0.0.1' if host in {'', '0.0.0.0', '[::]'} else host}:{port}"  # noqa: S104
