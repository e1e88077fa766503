from hypothesis import given
from hypothesis import strategies as st

from fujie_emulator.oss.listing import page_of
from fujie_emulator.oss.objects import StoredObject, Written

KEYS = st.lists(st.text(alphabet="ab/é", min_size=1, max_size=5), unique=True, max_size=12)


def stored(keys):
    return [StoredObject("b", key, (), 0, "", "", 0.0, Written()) for key in sorted(keys, key=str.encode)]


@given(KEYS, st.sampled_from(["", "a", "a/"]), st.sampled_from(["", "/"]), st.integers(1, 4))
def test_pages_of_any_size_together_give_every_entry_once_and_in_order(keys, prefix, delimiter, most):
    whole = page_of(stored(keys), prefix, delimiter, "", 1000)
    entries, after = [], ""
    for _ in range(len(keys) + 1):
        page = page_of(stored(keys), prefix, delimiter, after, most)
        entries += sorted([each.key for each in page.objects] + list(page.prefixes), key=str.encode)
        after = page.next_after
        if not after:
            break
    assert entries == sorted([each.key for each in whole.objects] + list(whole.prefixes), key=str.encode)
    assert len(set(entries)) == len(entries)


@given(KEYS, st.sampled_from(["", "a", "a/"]))
def test_every_key_with_the_prefix_is_listed_or_rolled_up(keys, prefix):
    page = page_of(stored(keys), prefix, "/", "", 1000)
    for key in keys:
        if key.startswith(prefix):
            assert key in [each.key for each in page.objects] or any(key.startswith(each) for each in page.prefixes)
