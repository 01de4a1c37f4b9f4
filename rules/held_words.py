"""Why something is not held back, or no longer, in English: the console has the Chinese words (texts_modes.py)."""

from __future__ import annotations

UNKNOWN = "unknown here, or over already"
NEVER_SHELVED = "this alarm can't be shelved: take its device out of service instead"
TOO_LONG = "shelved for 1 minute up to the limit of its rule, no longer"
NO_REASON = "a reason is needed"
SHELVED_ALREADY = "it is shelved already: end that first"
NOT_ACTIVE = "it is not active now: there is no clearing to wait for"
TOO_MANY = "too much is held back already"
NOT_SHELVED = "it is not shelved"
NO_DEVICE = "no device of the site file has this name"
OUT_ALREADY = "this device is out of service already"
NO_SUBSTITUTE = "a substitute measure is needed: what watches there meanwhile (a patrol, a second detector)"
NO_SECOND = "a second person must confirm it, another one than the first"
NO_PERSON = "the second person must be one of the people of the site file"
DETECTION = "fire or gas detection stands in this scope: a second person must confirm the maintenance"
OUT_TOO_LONG = "for 1 minute to 8 hours, no longer"
DANGER_OPEN = "this device is in alarm: acknowledge it, look on site and give the verdict (false or test) first"
ZONE_IN_DANGER = "a danger is open in its zone: look on site and give the verdict (false or test) there first"
NOT_OUT = "this device is not out of service"
NO_MAINTENANCE = "no such maintenance is under way"
NO_PLACE = "a zone or device of the scope is not in the site file"

REFUSALS = (
    UNKNOWN,
    NEVER_SHELVED,
    TOO_LONG,
    NO_REASON,
    SHELVED_ALREADY,
    NOT_ACTIVE,
    TOO_MANY,
    NOT_SHELVED,
    NO_DEVICE,
    OUT_ALREADY,
    NO_SUBSTITUTE,
    NO_SECOND,
    NO_PERSON,
    DETECTION,
    OUT_TOO_LONG,
    DANGER_OPEN,
    ZONE_IN_DANGER,
    NOT_OUT,
    NO_MAINTENANCE,
    NO_PLACE,
)

EXPLAINED = "explained by another alarm"
MAINTAINED = "maintenance"
GONE = "its device is no longer in the configuration"
CLEARED = "it cleared"
RETURNED = "ended by a person"
TIME_LIMIT = "time limit"
CAUSE_OVER = "still there after its cause was over"
BESIDE = "another danger is open in its zone"

WHYS = (EXPLAINED, MAINTAINED, GONE, CLEARED, RETURNED, TIME_LIMIT, CAUSE_OVER, BESIDE)
"""Why something is held back, or no longer, where no person said why."""
