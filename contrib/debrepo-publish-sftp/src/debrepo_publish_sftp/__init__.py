"""Publishing over SFTP."""
