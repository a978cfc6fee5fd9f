"""Doctor: one answer to whether everything is all right."""
