"""Calls of the Segment specification as JSON lines, formatted in bulk."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from usage_pipeline.sources.simulated import customers, people, product
from usage_pipeline.sources.simulated.activity import Uses
from usage_pipeline.sources.simulated.draws import Flags, Ints

SIGNED_IN = product.SIGNED_IN
# A browser forgets who it was about once in 90 days.
COOKIE_DAYS = 90
STRANGERS = 5


@dataclass(frozen=True)
class Fields:
    """The parts of each line but the moment it was received."""

    message: list[str]
    timestamp: list[str]
    who: list[str]
    what: list[str]

    def some(self, which: Ints) -> "Fields":
        chosen = which.tolist()
        return Fields(*([part[n] for n in chosen] for part in (self.message, self.timestamp, self.who, self.what)))


def lines(fields: Fields, received: list[str]) -> list[str]:
    return [
        f'{{"messageId":"{message}","timestamp":"{timestamp}","receivedAt":"{arrived}",{who},{what}}}'
        for message, timestamp, arrived, who, what in zip(
            fields.message, fields.timestamp, received, fields.who, fields.what, strict=True
        )
    ]


def moments(ms: Ints, offset_minutes: Ints | None = None) -> list[str]:
    """ISO 8601: with `Z`, or as local time with its offset where there is one."""
    if offset_minutes is None or not offset_minutes.any():
        return [text + "Z" for text in np.datetime_as_string(ms.astype("datetime64[ms]")).tolist()]
    local = np.datetime_as_string((ms + offset_minutes * 60_000).astype("datetime64[ms]")).tolist()
    endings = {minutes: _ending(minutes) for minutes in np.unique(offset_minutes).tolist()}
    return [text + endings[minutes] for text, minutes in zip(local, offset_minutes.tolist(), strict=True)]


def _ending(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}" if minutes else "Z"


def who(users: Ints, accounts: Ints, day: int, is_anonymous: Flags, states_account: Flags) -> list[str]:
    """Whose call it is: user and account, the user alone, or a browser that nobody knows yet."""
    cookie = day // COOKIE_DAYS
    return [
        f'"anonymousId":"{_cookie(user, cookie)}","context":{{"library":{{"name":"web"}}}}'
        if anonymous
        else f'"userId":"usr-{user:011d}","context":{{"groupId":"acc-{account:06d}"}}'
        if stated
        else f'"userId":"usr-{user:011d}","context":{{}}'
        for user, account, anonymous, stated in zip(
            users.tolist(), accounts.tolist(), is_anonymous.tolist(), states_account.tolist(), strict=True
        )
    ]


def _cookie(user: int, cookie: int) -> str:
    return f"anon-{user:x}-{cookie:x}"


def what(uses: Uses) -> list[str]:
    """What happened: kind of call, name, properties."""
    openings = [_opening(code) for code in range(len(product.EVENT_NAMES))]
    return [
        openings[code]
        + (f',"duration":{seconds}' if seconds else "")
        + (f',"quantity":{quantity}' if quantity else "")
        + "}"
        if code < len(product.FEATURES)
        else openings[code].replace("?", product.INTEGRATIONS[detail])
        for code, seconds, quantity, detail in zip(
            uses["code"].tolist(),
            uses["seconds"].tolist(),
            uses["quantity"].tolist(),
            uses["detail"].tolist(),
            strict=True,
        )
    ]


def _opening(code: int) -> str:
    name = product.EVENT_NAMES[code]
    if code < len(product.FEATURES):
        return f'"type":"track","event":"{name}","properties":{{"feature":"{product.FEATURES[code].name}"'
    if code in {product.HELP_PAGE, product.PRICING_PAGE}:
        return f'"type":"page","name":"{name}","properties":{{"path":"/{name.lower()}"}}'
    if code in {product.CONNECTED, product.DISCONNECTED}:
        return f'"type":"track","event":"{name}","properties":{{"integration":"?"}}'
    return f'"type":"track","event":"{name}","properties":{{}}'


def without_name(line: str) -> str:
    """A track call that does not say what happened; a page call without its kind said as track."""
    line = line.replace('"type":"page","name":', '"type":"track","event":')
    start = line.index('"event":')
    return line[:start] + line[line.index('"properties"') :]


def identify(users: Ints, accounts: Ints, ms: Ints, day: int) -> list[str]:
    """`identify` calls that tell whose browser it was on `day`."""
    cookie = day // COOKIE_DAYS
    return [
        f'{{"messageId":"i{day:x}-{user:x}","timestamp":"{at}","receivedAt":"{received}","userId":"usr-{user:011d}",'
        f'"anonymousId":"{_cookie(user, cookie)}","context":{{"groupId":"acc-{account:06d}"}},"type":"identify","traits":{{}}}}'
        for user, account, at, received in zip(
            users.tolist(), accounts.tolist(), moments(ms), moments(ms + 2_000), strict=True
        )
    ]


def joining(users: Ints, accounts: Ints, ms: npt.NDArray[np.int64]) -> list[str]:
    """An `identify` and a `group` call per user who joins."""
    made = []
    for user, account, at, received in zip(
        users.tolist(), accounts.tolist(), moments(ms), moments(ms + 1_000), strict=True
    ):
        person, group = people.user_id(user), customers.account_id(account)
        when = f'"timestamp":"{at}","receivedAt":"{received}","userId":"{person}"'
        made.append(f'{{"messageId":"j{user:x}",{when},"context":{{}},"type":"identify","traits":{{"role":"user"}}}}')
        made.append(
            f'{{"messageId":"g{user:x}",{when},"context":{{}},"type":"group","groupId":"{group}","traits":{{}}}}'
        )
    return made


def strangers(ms: Ints, day: int) -> list[str]:
    return [
        f'{{"messageId":"s{day:x}-{n:x}","timestamp":"{at}","receivedAt":"{received}","userId":"demo-user-{n % 9}",'
        f'"context":{{"groupId":"demo-{n % STRANGERS}"}},"type":"track","event":"Dashboard Opened",'
        '"properties":{"feature":"dashboards"}}'
        for n, (at, received) in enumerate(zip(moments(ms), moments(ms + 3_000), strict=True))
    ]
