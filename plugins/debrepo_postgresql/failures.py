"""What PostgreSQL reports, in words that say what to do."""

from __future__ import annotations

from debrepo.database.failures import Undone
from debrepo.errors import Conflict, DatabaseBusy, DatabaseError, DatabaseFull
from debrepo_postgresql.connection import Lost, SqlRefused

_AGAIN = "nothing was changed; do it again"
_SERVER = "look at the log of the PostgreSQL server"

#: SQLSTATEs with which the server ends a connection, or lets nobody in for now.
_GOING = {"57P01", "57P02", "57P03", "53300", "25P03", "25P04", "57P05"}
_OVERTAKEN = {"40001", "40P01", "40003"}
MISSING = {"42P01", "3F000"}  #: the tables, or the schema they are in
THERE_ALREADY = {"42P06", "42P07", "42710", "23505"}  #: somebody else has made it
READ_ONLY = "25006"
UNMET = "22012"  #: a division by zero, with which a guard of a transaction fails

#: What libpq says of a connection that a later try does not get either. libpq does not give the
#: SQLSTATE; a server that speaks another language is asked again, until the time is up.
_FINAL = (
    ("password authentication failed", "check the password: in a file that PGPASSFILE names, or"
     " the setting database.password_file"),
    ("no password supplied", "give a password: in a file that PGPASSFILE names, or the setting"
     " database.password_file"),
    ("authentication failed", "check the user in database.url, and pg_hba.conf of the server"),
    ("no pg_hba.conf entry", "allow this machine and user in pg_hba.conf of the server"),
    ("does not exist", "make it: createuser makes roles and createdb databases"),
    ("permission denied for database", "grant CONNECT on it to the user in database.url"),
    ("is not permitted to log in", "let the role log in: ALTER ROLE ... LOGIN"),
    ("SSL", "check sslmode in database.url, and certificates"),
    ("certificate", "check sslmode and sslrootcert in database.url"),
    ("invalid", "check the options in database.url"),
)  # fmt: skip


class Interrupted(DatabaseBusy, Undone):
    """The connection was lost in the middle of a transaction; nothing was changed."""


class Unmet(Exception):
    """A guard of a transaction has failed; nothing was changed."""


class Overtaken(Conflict, Undone):
    """The server could not let two transactions happen at once; nothing was changed."""

    @classmethod
    def by_others(cls) -> Overtaken:
        """Return what to raise for work on a state that is not the last one any more."""
        return cls("the database was changed by another writer in the meantime", hint=_AGAIN)


def is_final(text: str) -> bool:
    """Return whether a connection was refused for reasons that do not pass."""
    return any(words in text for words, _ in _FINAL)


def unreachable(text: str, place: str) -> DatabaseError:
    """Return what to raise without a connection."""
    for words, hint in _FINAL:
        if words in text:
            return DatabaseError(f"cannot open the database in {place}: {text}", hint=hint)
    return DatabaseBusy(
        f"no PostgreSQL server answers for the database in {place}: {text}",
        hint="start the server, or check database.url",
    )


def interrupted(error: Lost, place: str) -> Interrupted:
    """Return what to raise where a transaction was undone because its connection was lost."""
    if error.state in {"25P03", "25P04"}:
        return Interrupted(
            f"the server of the database in {place} has ended a transaction that took too long",
            hint="do it again; database.transaction_timeout says how long it may do nothing",
        )
    return Interrupted(f"the connection to the database in {place} was lost: {error}", hint=_AGAIN)


def is_passing(error: SqlRefused) -> bool:
    """Return whether the server has refused a transaction that it may accept in a moment."""
    return error.state in _GOING | {READ_ONLY}


def explain(error: SqlRefused, place: str) -> Exception:
    """Return our exception for what the server of the database in ``place`` has refused."""
    state, text = error.state, str(error)
    if state == UNMET:
        return Unmet(text)
    if state in _OVERTAKEN:
        return Overtaken.by_others()
    if state in _GOING:
        return interrupted(Lost(text, state), place)
    if state in {"53100", "53200", "54000", "58030"} or "could not extend file" in text:
        return DatabaseFull(
            f"the server of the database in {place} has no space left: {text}",
            hint="free some space there, then do it again; nothing that was there is lost",
        )
    if state == READ_ONLY:
        return DatabaseError(
            f"cannot write to the database in {place}: the server only reads",
            hint="name the primary in database.url, or all servers and"
            " target_session_attrs=read-write",
        )
    if state == "42501":
        return DatabaseError(
            f"the database in {place} denies it: {text}",
            hint="let the user in database.url own the schema, or create it: GRANT CREATE ON"
            " DATABASE",
        )
    if state == "42703":
        return DatabaseError(
            f"the tables in {place} are those of another program",
            hint="choose another schema with database.schema",
        )
    if state in {"57014", "55P03"}:
        return DatabaseBusy(f"the database in {place} took too long: {text}", hint=_AGAIN)
    if state in {"XX001", "XX002"}:
        return DatabaseError(f"the database in {place} is damaged: {text}", hint=_SERVER)
    return DatabaseError(f"the database in {place}: {text} ({state})", hint=_SERVER)
