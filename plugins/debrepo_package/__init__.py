"""Looking at packages: ``debrepo package``."""
