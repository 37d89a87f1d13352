"""Every change shows, and the record is named: in the file, and after the chain was rebuilt by an insider."""

import json
import time

import msgspec
import pytest
from books import ADA, EVE, KEY, ORG, START, Books, books, ended, entry, kept
from hypothesis import given
from hypothesis import strategies as st

from micgate.audit import export, signing
from micgate.audit.canonical import hashed
from micgate.audit.entry import MICGATE
from micgate.audit.errors import NotAnExport
from micgate.audit.facts import AuditCut
from micgate.audit.privacy import NOBODY, erase
from micgate.audit.record import SealedRecord
from micgate.audit.verify import verify

RECORDS = 12
SIGNED_AT = (4, 8, 10)
HONEST = books(RECORDS, signed_at=SIGNED_AT)
LINES = HONEST.export()
OF_RECORDS = [at for at, line in enumerate(LINES) if not line.startswith(export.CHECKPOINT)]
VOUCHED = st.integers(1, SIGNED_AT[-1])
ANY = st.integers(1, RECORDS)


def judged(lines, *, outside=(), whole=True):
    return verify(lines, keys=[KEY.public], outside=outside, whole=whole)


def leaves(value, path=()):
    if isinstance(value, dict):
        for name, each in value.items():
            yield from leaves(each, (*path, name))
    else:
        yield path


def changed(value):
    """Another value of the same kind, so that it is still readable."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value[:-1] + ("0" if value[-1:] != "0" else "1")


def with_leaf_changed(line: bytes, path: tuple[str, ...]) -> bytes:
    whole = json.loads(line)
    place = whole
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = changed(place[path[-1]])
    return msgspec.json.encode(whole, order="sorted") + b"\n"


def test_an_honest_export_is_intact_with_the_public_key_alone():
    verdict = judged(LINES)

    assert (verdict.word, verdict.bad) == ("intact", None)
    assert (verdict.first_seq, verdict.last_seq, verdict.records) == (1, RECORDS, RECORDS)
    assert (verdict.vouched_seq, verdict.outside_seq) == (SIGNED_AT[-1], 0)
    assert any("from 11 to 12" in note for note in verdict.notes)
    assert any("outside" in note for note in verdict.notes)


def test_a_checkpoint_from_outside_is_said_to_vouch():
    verdict = judged(LINES, outside=HONEST.checkpoints[:2])

    assert (verdict.vouched_seq, verdict.outside_seq) == (10, 8)


EVERY_FIELD = [(seq, path) for seq, at in enumerate(OF_RECORDS, 1) for path in leaves(json.loads(LINES[at]))]


@pytest.mark.parametrize("outside", [(), HONEST.checkpoints], ids=["alone", "with outside"])
def test_a_change_of_any_single_field_names_the_record(outside):
    for seq, path in EVERY_FIELD:
        at = OF_RECORDS[seq - 1]
        verdict = judged([*LINES[:at], with_leaf_changed(LINES[at], path), *LINES[at + 1 :]], outside=outside)

        assert verdict.word == "altered", (seq, path)
        assert verdict.bad.line == at + 1, (seq, path)
        assert verdict.bad.seq == seq or path == ("record", "seq"), (seq, path)


@given(seq=ANY, byte=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_names_the_record(seq, byte, bit):
    at = OF_RECORDS[seq - 1]
    line = bytearray(LINES[at])
    byte %= len(line) - 1
    line[byte] ^= 1 << bit
    if bytes(line).endswith((b"\r\n",)) or not line.startswith(b"{"):
        return
    verdict = judged([*LINES[:at], bytes(line), *LINES[at + 1 :]])

    assert verdict.word == "altered"
    assert verdict.bad.line == at + 1


@given(seq=ANY, name=st.sampled_from(["note", "v", "hash", "org"]), inside=st.booleans())
def test_something_added_to_a_line_names_the_record(seq, name, inside):
    at = OF_RECORDS[seq - 1]
    whole = json.loads(LINES[at])
    target = json.dumps(whole["record"] if inside else whole)
    doubled = (target[:-1] + f', "{name}": "approved"}}').encode()
    line = LINES[at][: LINES[at].index(b'"record":')] + b'"record":' + doubled + b"}\n" if inside else doubled
    verdict = judged([*LINES[:at], line, *LINES[at + 1 :]])

    assert verdict.bad.line == at + 1
    assert verdict.word == "altered"


@given(seq=ANY)
def test_a_record_taken_out_of_the_file_is_missing(seq):
    at = OF_RECORDS[seq - 1]
    verdict = judged(LINES[:at] + LINES[at + 1 :], outside=HONEST.checkpoints)

    if seq < RECORDS:
        assert (verdict.bad.seq, verdict.bad.word) == (seq, "missing")
    else:  # younger than every checkpoint
        assert (verdict.word, verdict.last_seq) == ("intact", RECORDS - 1)


@given(seq=ANY, copied=ANY)
def test_a_line_put_into_the_file_is_found(seq, copied):
    at = OF_RECORDS[seq - 1]
    verdict = judged([*LINES[: at + 1], LINES[OF_RECORDS[copied - 1]], *LINES[at + 1 :]])

    if copied == seq + 1:
        at += 1
    assert verdict.bad.word == "missing"
    assert verdict.bad.seq == (seq + 1 if copied != seq + 1 else seq + 2)


@given(pair=st.lists(ANY, min_size=2, max_size=2, unique=True).map(sorted))
def test_lines_in_another_order_name_the_first_that_is_not_in_its_place(pair):
    lines = list(LINES)
    first, second = (OF_RECORDS[seq - 1] for seq in pair)
    lines[first], lines[second] = lines[second], lines[first]
    verdict = judged(lines)

    assert verdict.bad.seq == pair[0]


@given(last=st.integers(1, RECORDS))
def test_an_end_cut_off_before_the_last_outside_checkpoint_shows(last):
    lines = LINES[: OF_RECORDS[last - 1] + 1]
    verdict = judged(lines, outside=HONEST.checkpoints)

    if last >= SIGNED_AT[-1]:
        assert (verdict.word, verdict.outside_seq) == ("intact", SIGNED_AT[-1])
    else:
        assert (verdict.bad.word, verdict.bad.seq) == ("missing", last + 1)
        assert "younger than the export" in verdict.bad.says
        assert judged(lines, outside=HONEST.checkpoints, whole=False).word == "intact"


# The insider owns the database and the machine: edits, rebuilds the chain, signs with the key of the box.


def insider() -> Books:
    twin = books(RECORDS, signed_at=SIGNED_AT)
    assert twin.export() == LINES
    return twin


def unnoticed_without_outside(forged: Books) -> bool:
    return judged(forged.export()).word == "intact"


EDITS = {
    "actor": "person:p-other",
    "action": "mute.extended",
    "target": "a-0000",
    "at": START + 0.5,
    "mute_id": "m-other",
    "command_id": "c-other",
    "public": '{"reason": "drill"}',
    "private_digest": bytes(32),
}


@given(seq=VOUCHED, name=st.sampled_from(sorted(EDITS)))
def test_an_insider_who_edits_rebuilds_and_signs_anew_is_named_by_the_outside_checkpoint(seq, name):
    forged = insider()
    forged.edit(seq, **{name: EDITS[name]})
    if name == "private_digest":
        forged.bodies.clear()
    forged.rebuild()

    assert unnoticed_without_outside(forged)
    verdict = judged(forged.export(), outside=HONEST.checkpoints)
    assert (verdict.word, verdict.bad.seq, verdict.bad.word) == ("altered", seq, "witness")


@given(seq=VOUCHED)
def test_an_insider_who_deletes_or_inserts_or_swaps_is_named(seq):
    deleted, inserted, swapped = insider(), insider(), insider()
    del deleted.entries[seq - 1]
    inserted.entries.insert(seq - 1, kept(entry(at=START + 77), id_=77))
    swapped.entries[seq - 1], swapped.entries[seq] = swapped.entries[seq], swapped.entries[seq - 1]
    for forged in (deleted, inserted, swapped):
        forged.rebuild()

        assert unnoticed_without_outside(forged)
        verdict = judged(forged.export(), outside=HONEST.checkpoints)
        assert (verdict.bad.seq, verdict.bad.word) == (seq, "witness")


@given(seq=VOUCHED)
def test_an_insider_cannot_hide_behind_a_later_outside_checkpoint_of_the_rebuilt_chain(seq):
    forged = insider()
    forged.edit(seq, at=START)
    forged.rebuild()
    forged.write(entry(at=START + 50))
    later = forged.sign()

    verdict = judged(forged.export(), outside=[*HONEST.checkpoints, later])
    assert verdict.bad.seq == seq


@given(seq=VOUCHED, kept=st.sampled_from(HONEST.checkpoints))
def test_with_one_outside_checkpoint_left_the_first_record_it_can_tell_is_named(seq, kept):
    forged = insider()
    forged.edit(seq, at=START)
    forged.rebuild()
    verdict = judged(forged.export(), outside=[kept])

    if seq > kept.seq:
        assert verdict.bad is None or verdict.bad.seq == seq
        assert verdict.outside_seq == kept.seq
    elif seq > kept.since:
        assert verdict.bad.seq == seq
    else:
        assert verdict.bad.seq == kept.since + 1
        assert "from 1 on" in verdict.bad.says


@given(seq=st.integers(2, SIGNED_AT[-1] - 1), unlinked=st.booleans())
def test_one_record_replaced_with_its_own_hash_right_is_named_itself(seq, unlinked):
    change = {"previous": "f" * 64} if unlinked else {"target": "x"}
    line = replaced(HONEST.records()[seq - 1], **change)
    at = OF_RECORDS[seq - 1]
    verdict = judged([*LINES[:at], line, *LINES[at + 1 :]])

    assert verdict.bad.seq == seq


def replaced(sealed: SealedRecord, **changes) -> bytes:
    """The line of a record that was changed and fits its own hash again."""
    record = msgspec.structs.replace(sealed.record, **changes)
    return export.json_line(SealedRecord(hash=hashed(record), record=record, private=sealed.private))


# What is allowed.


@given(first=ANY, length=st.integers(0, RECORDS))
def test_a_part_of_the_record_can_be_verified_for_itself(first, length):
    last = min(first + length, RECORDS)
    verdict = judged(HONEST.export(first, last), outside=HONEST.checkpoints, whole=False)

    assert verdict.bad is None
    assert verdict.outside_seq == min(last, SIGNED_AT[-1]) or first > SIGNED_AT[-1]
    assert verdict.word == ("intact" if first <= SIGNED_AT[-1] else "unwitnessed")


@given(erased=st.sets(ANY), person=st.sampled_from([ADA, EVE]))
def test_erasing_a_person_keeps_the_export_intact_and_the_name_out(erased, person):
    forgetful = insider()
    for seq in erased:
        if private := forgetful.private(seq):
            forgetful.keep(seq, erase(private, person.user_id))
    lines = forgetful.export()
    verdict = judged(lines, outside=HONEST.checkpoints)

    assert (verdict.word, verdict.outside_seq) == ("intact", SIGNED_AT[-1])
    left = [seq for seq, at in enumerate(OF_RECORDS, 1) if person.name.encode() in lines[at]]
    assert left == [seq for seq in range(1, RECORDS + 1) if HONEST.private(seq) and seq not in erased]


def test_rows_that_are_gone_altogether_are_counted_and_change_nothing():
    forgetful = insider()
    rows = len(forgetful.bodies)
    forgetful.bodies.clear()
    verdict = judged(forgetful.export())

    assert verdict.word == "intact"
    assert verdict.withheld == rows > 0


def test_names_put_in_the_place_of_erased_ones_show():
    lying = insider()
    private = erase(lying.private(1), ADA.user_id)
    agent = msgspec.structs.replace(private.agent, salt="0" * 32, fields={"name": "Bob"})
    lying.keep(1, msgspec.structs.replace(private, agent=agent))
    verdict = judged(lying.export())

    assert (verdict.bad.seq, verdict.bad.word) == (1, "private")


def test_after_old_records_were_cut_the_rest_hangs_on_the_checkpoint_at_the_cut():
    cut = books_with_a_cut(through=4)
    verdict = judged(cut.export(5), outside=cut.checkpoints)

    assert (verdict.word, verdict.first_seq, verdict.outside_seq) == ("intact", 5, 10)
    assert "begins with record 5" in verdict.notes[0]


def test_a_beginning_that_was_taken_away_is_missing_unless_the_record_says_that_it_was_cut_off():
    less, late = books_with_a_cut(through=3), books_with_a_cut(through=4, at=RECORDS)
    for made in (HONEST, less, late):  # late: no checkpoint vouches for that record
        lines, outside = made.export(5), made.checkpoints
        verdict = judged(lines, outside=outside)
        assert (verdict.word, verdict.bad.seq, verdict.bad.word) == ("altered", 1, "missing")
        assert "--part" in verdict.bad.says
        assert judged(lines, outside=outside, whole=False).word == "intact"


def books_with_a_cut(*, through, at=9):
    made = insider()
    fact = AuditCut(through_seq=through, records=through)
    made.entries[at - 1] = kept(
        entry(fact, actor=MICGATE, target=ORG, people=NOBODY, mute_id=None), id_=at - 1
    )
    made.rebuild()
    return made


def test_line_ends_of_windows_and_empty_lines_do_no_harm():
    assert judged([line.replace(b"\n", b"\r\n") + b"\r\n" for line in LINES]).word == "intact"


# Checkpoints.


def test_without_any_checkpoint_nothing_is_called_intact():
    verdict = judged(books(3, signed_at=()).export())

    assert (verdict.word, verdict.vouched_seq) == ("unwitnessed", 0)


def test_a_key_nobody_gave_vouches_for_nothing_and_is_named():
    verdict = verify(LINES, keys=[signing.new().public])

    assert verdict.word == "unwitnessed"
    assert any(KEY.id in note for note in verdict.notes)


@pytest.mark.parametrize("name", ["v", "seq", "hash", "at", "since", "trail", "signature"])
def test_a_checkpoint_changed_in_any_field_is_called_forged(name):
    checkpoint = HONEST.checkpoints[1]
    forged = msgspec.structs.replace(checkpoint, **{name: changed(getattr(checkpoint, name))})
    verdict = judged(LINES, outside=[forged])

    assert (verdict.bad.word, verdict.bad.seq) == ("checkpoint", forged.seq)


def test_a_checkpoint_signed_by_another_key_under_our_id_is_called_forged():
    other = Books(key=signing.new())
    other.add(*HONEST.entries[:4])
    forged = msgspec.structs.replace(other.sign(), key_id=KEY.id)

    assert judged(LINES, outside=[forged]).bad.word == "checkpoint"


def test_after_a_handover_the_first_public_key_is_enough():
    following = signing.new()
    rolled = books(4, signed_at=())
    rolled.sign(next_key=following.public)
    rolled.key = following
    rolled.write(entry(ended(), at=START + 60))
    rolled.sign()

    verdict = verify(rolled.export(), keys=[KEY.public])
    assert (verdict.word, verdict.vouched_seq) == ("intact", 5)
    assert verify(rolled.export(), keys=[following.public]).vouched_seq == 5


def test_a_key_that_was_given_up_signs_nothing_any_more():
    rolled = books(4, signed_at=())
    rolled.sign(next_key=signing.new().public)
    rolled.write(entry(ended(), at=START + 60))
    rolled.sign()

    verdict = judged(rolled.export())
    assert (verdict.bad.word, verdict.bad.seq) == ("checkpoint", 5)
    assert "given up" in verdict.bad.says


@pytest.mark.parametrize("lines", [[], [b"\n"], [export.csv_header()], [b"PK\x03\x04"], LINES[4:5]])
def test_what_is_no_export_is_refused_with_the_way_to_get_one(lines):
    with pytest.raises(NotAnExport, match="micgate audit export"):
        judged(lines)


def test_a_record_of_another_org_is_named():
    at = OF_RECORDS[4]
    line = replaced(HONEST.records()[4], org="globex")

    assert judged([*LINES[:at], line, *LINES[at + 1 :]]).bad.seq == 5


def test_a_large_record_is_verified_at_a_steady_pace():
    """Beside reading and hashing its lines alone, in seconds of the processor: machines differ."""
    large = Books()
    for _ in range(4):
        large.add(*HONEST.entries * 80)
    large.sign()
    lines = large.export()
    verifying = computing(lambda: judged(lines))
    reading = computing(lambda: [hashed(msgspec.json.decode(line)) for line in lines])

    assert judged(lines).word == "intact"
    assert verifying < 6 * reading


def computing(work):
    began = time.process_time()
    for _ in range(8):
        work()
    return time.process_time() - began
