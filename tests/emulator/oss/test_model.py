"""Any order of puts, copies, appends, uploads and deletes leaves what a dictionary would hold, and no file more."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fujie_emulator.core.opening import open_cloud
from fujie_emulator.oss import objects, state, uploads
from fujie_emulator.oss.crc64 import crc64
from tests.emulator.oss.storing import received, stored

KEYS = st.sampled_from(["a", "b", "c"])
BODIES = st.sampled_from([b"", b"x", b"xy", b"other"])


class Store(RuleBasedStateMachine):
    @initialize()
    def open(self):
        self.directory = Path(tempfile.mkdtemp())
        self.cloud = open_cloud(self.directory, "http://127.0.0.1:9")
        state.create_bucket(self.cloud, "bkt")
        self.model, self.appendable, self.parts = {}, set(), {}
        self.upload = None

    def teardown(self):
        self.cloud.store.close()
        shutil.rmtree(self.directory)

    @rule(key=KEYS, body=BODIES)
    def put(self, key, body):
        stored(self.cloud, "bkt", key, body)
        self.model[key] = body
        self.appendable.discard(key)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), to=KEYS)
    def copy(self, data, to):
        source = data.draw(st.sampled_from(sorted(self.model)))
        found = objects.get_object(self.cloud, "bkt", source)
        objects.put_object(self.cloud, objects.copy_of(self.cloud, found, "bkt", to, found.written))
        self.model[to] = self.model[source]
        self.appendable.discard(to)

    @rule(key=KEYS, body=BODIES)
    def append(self, key, body):
        if key in self.model and key not in self.appendable:
            return
        before = self.model.get(key, b"")
        objects.append(self.cloud, "bkt", key, len(before), received(self.cloud, body), objects.Written())
        self.model[key] = before + body
        self.appendable.add(key)

    @rule(key=KEYS)
    def delete(self, key):
        objects.delete_object(self.cloud, "bkt", key)
        self.model.pop(key, None)
        self.appendable.discard(key)

    @rule(number=st.integers(1, 3), body=BODIES)
    def put_part(self, number, body):
        self.upload = self.upload or uploads.begin(self.cloud, "bkt", "c", objects.Written())
        uploads.put_part(self.cloud, self.upload, number, received(self.cloud, body))
        self.parts[number] = body

    @precondition(lambda self: self.upload)
    @rule(whole=st.booleans())
    def end_upload(self, whole):
        if whole:
            last = max(self.parts)  # one part only: any but the last would have to be large
            etag = next(part.etag for part in uploads.parts_of(self.cloud, self.upload) if part.number == last)
            uploads.complete(self.cloud, self.upload, [(last, etag)], forbid=False)
            self.model["c"] = self.parts[last]
            self.appendable.discard("c")
        else:
            uploads.abort(self.cloud, self.upload)
        self.upload, self.parts = None, {}

    @rule()
    def sweep(self):
        objects.sweep(self.cloud)

    @invariant()
    def the_store_holds_what_the_model_holds(self):
        found = objects.keys_of(self.cloud, "bkt")
        assert {each.key: self.content(each.pieces, each.size) for each in found} == self.model
        assert all(int(each.crc64) == crc64(self.model[each.key]) for each in found)

    @invariant()
    def every_file_is_held_and_every_holder_has_its_file(self):
        held = {piece.sha256 for each in objects.keys_of(self.cloud, "bkt") for piece in each.pieces}
        if self.upload:
            held |= {part.sha256 for part in uploads.parts_of(self.cloud, self.upload)}
        assert {path.name for path in objects.blobs(self.cloud).files()} == held
        assert {sha256 for sha256, _ in self.cloud.store.list("oss", "blob")} == held

    def content(self, pieces, size):
        return b"".join(objects.blobs(self.cloud).read(pieces, 0, size))


TestStore = Store.TestCase
TestStore.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
