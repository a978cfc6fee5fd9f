"""Shadow mode: aptly's command line, for scripts and fingers that know it."""
