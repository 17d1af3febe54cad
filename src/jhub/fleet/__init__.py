"""Fleets: many servers at a time, as one coordinator flow that runs on `Hub` and `AsyncHub` alike.

`servers.py` declares the operations (`start_many`, …), `selection.py` resolves their targets, `jobs.py` describes what
a fleet does with each server, and `preview.py` lists the requests without sending them. `coordinator.py` is the main
loop. It keeps its data in a `State` (`state.py`), whose methods are the only code that changes it, and passes it to
the stages below.

The life of a server in a fleet:

1. **Queue.** A server waits as a `Pending` (`in_flight.py`), with the event `queued`.
2. **Dispatch** (`dispatch.py`). Its request is sent if the limiter (`limiter.py`), the canary, the circuit breaker
   (`breaker.py`) and the hub's availability (`outage.py`) allow it. The limiter adapts to rejections (429) and to the
   latency of probe requests (`latency.py`). A throttled server returns to the queue.
3. **In flight.** An `InFlight` (`in_flight.py`) has a `Phase`: requested, accepted, followed, completed, diagnosing or
   cancelling. Snapshots of all servers (`snapshot.py`), taken on a schedule (`polling.py`), or the server's own
   progress stream move it on (`observe.py`). A server that the hub lost in an outage returns to the queue.
4. **Finish** (`finish.py`). The server leaves the fleet with exactly one final event (`events.py`): `ready`, `stopped`
   or `deleted`, `failed`, or `skipped`. When the breaker trips, servers in flight are cancelled, and queued ones are
   skipped.
"""
