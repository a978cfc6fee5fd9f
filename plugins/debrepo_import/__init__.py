"""Moving in and out: archives that other tools keep, brought here list by list."""
