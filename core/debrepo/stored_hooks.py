"""Stored hooks: what is known of plugins, kept behind the code of this module in its compiled file.

Nothing imports it; see `debrepo.stored_modules`, which is for the code, and `debrepo.late_plugins`.
"""
