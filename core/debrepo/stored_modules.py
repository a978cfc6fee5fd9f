"""Stored modules: the code of many, kept behind that of this one, in its compiled file.

Nothing imports it. What installs debrepo knows of its compiled file, as of that of any module, and
removes it with the rest; see `debrepo.stored_code`.
"""
