"""Source maps: how they are stored, found and applied to the stacks of JavaScript.

1. `uploads/bundles.py` takes bundles from sentry-cli; `bundle.py` lists what lies where in them, `file_store.py` keeps them.
2. The digest (`digest/source_maps.py`) and the reports (`reports/groups/source_maps.py`) hand events to `stacks.py`.
3. `places.py` names the scripts of an event by debug id, or by release and address.
4. `look_up.py` asks a process of its own (`child.py`) for positions, within limits of time and memory, and remembers them.
5. `frames.py` writes the source's place into a frame, or why there is none.
"""
