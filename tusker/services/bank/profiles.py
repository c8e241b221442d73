"""What persons said of tables whose heads are not known: remembered, used for the next file, removed."""

from sqlalchemy import select

from tusker.bankfiles.formats import Profile
from tusker.bankfiles.tables.columns.profiles import field_words, key_of
from tusker.errors import NotFound
from tusker.extensions import db
from tusker.messages import Text, joined, say
from tusker.models import StatementProfile, StatementUpload, UploadState
from tusker.services.bank.uploads import lock_unclear
from tusker.services.context import Context
from tusker.services.events import record_event
from tusker.services.locks import AdvisoryLock, take_lock


def known_profiles() -> tuple[Profile, ...]:
    """All that is remembered."""
    rows = db.session.scalars(select(StatementProfile).order_by(StatementProfile.id))
    return tuple(
        Profile(tuple(row.heads), tuple(row.fields), row.day_order, row.decimal_mark)  # type: ignore[arg-type]
        for row in rows
    )


def read_upload_by(ctx: Context, upload_id: int, profile: Profile) -> StatementUpload:
    """Remember what a person said of an upload's columns, and leave the file to a worker, which reads it by that.

    It takes the place of what was said before of tables with the same heads. Raises `Conflict` when the upload does not
    wait for this any more.
    """
    take_lock(AdvisoryLock.STATEMENT_IMPORT)
    upload, key = lock_unclear(upload_id), key_of(profile.heads)
    earlier = db.session.scalar(select(StatementProfile.id).where(StatementProfile.heads_key == key))
    if earlier is not None:
        remove_profile(ctx, earlier)
    made = StatementProfile(
        heads_key=key,
        heads=list(profile.heads),
        fields=list(profile.fields),
        day_order=profile.order,
        decimal_mark=profile.mark,
        file_name=upload.file_name,
        made_at=ctx.now,
        made_by=ctx.actor_id,
        maker=ctx.actor[:120],
    )
    db.session.add(made)
    db.session.flush()
    record_event(ctx, made, "columns_remembered", to_value=upload.file_name, reason=profile_words(made)[:500])
    upload.state, upload.words, upload.claimed_until = UploadState.WAITING, "", None
    db.session.flush()
    return upload


def remove_profile(ctx: Context, profile_id: int) -> None:
    """Forget what was said of a table's columns; what was imported by it stays."""
    found = db.session.get(StatementProfile, profile_id, with_for_update=True)
    if found is None:
        raise NotFound("These columns are no longer saved.")
    record_event(
        ctx, found, "columns_forgotten", from_value=found.file_name, reason=profile_words(found)[:500]
    )
    db.session.delete(found)
    db.session.flush()


def give_up_upload(ctx: Context, upload_id: int) -> None:
    """A person says that an upload whose columns are not known is not to be imported."""
    upload = lock_unclear(upload_id)
    upload.state, upload.content, upload.settled_at = UploadState.REFUSED, None, ctx.now
    upload.words = say("{actor} gave it up: its columns are not known.", actor=ctx.actor)
    db.session.flush()


def profile_words(profile: StatementProfile) -> Text:
    """The columns that are read, in words."""
    pairs = zip(profile.heads, profile.fields, strict=True)
    return joined(joined((head, field_words(name)), " = ") for head, name in pairs if name)
