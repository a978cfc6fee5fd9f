"""Downloads: package files from their URLs into the pool, verified on the way."""

from debrepo_mirror.download.queue import Downloads, DownloadTerms
from debrepo_mirror.download.receiving import Downloaded, WantedFile

__all__ = ["DownloadTerms", "Downloaded", "Downloads", "WantedFile"]
