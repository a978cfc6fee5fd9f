"""aptly's REST API, under ``/api``."""
