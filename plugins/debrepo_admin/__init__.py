"""Care of an installation: versions, configuration, plugins, the database."""
