"""The lending platform's own loan ids, given to many loans by a file."""

from flask import url_for
from flask.typing import ResponseReturnValue

from tusker.admin.blueprint import bp
from tusker.admin.forms import PlatformIdsForm
from tusker.messages import say_n
from tusker.models import Role
from tusker.queries.lookup import loans_called
from tusker.services.loans.book.platform_ids import read_platform_references, set_platform_references
from tusker.web.access import acting, allow
from tusker.web.htmx import done, render


@bp.route("/loans/platform-ids", methods=["GET", "POST"])
@allow(Role.ADMIN, costly=True)
def platform_ids() -> ResponseReturnValue:
    """Give many loans their platform's ids by a file: all rows or, with what is wrong of each, none."""
    form = PlatformIdsForm()
    if form.validate_on_submit():
        with form.saving():
            read = read_platform_references(form.file.filled.read(), loans_called)
            changed = set_platform_references(acting(), read)
        if form.saved:
            words = say_n(
                "{n} loan id is read, {new} of them are new.",
                "{n} loan ids are read, {new} of them are new.",
                len(read),
                new=changed,
            )
            return done(words, to=url_for("admin.loans"))
    return render("admin/loans/platform_ids.html", form=form)
