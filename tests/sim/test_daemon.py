"""The pretended daemon's dealings with its supervisor, where a trace has no dice for them."""

from dataclasses import replace

from hadelect.core.vocabulary import ControlleeState, Name
from hadelect.sim.trace import Script


def test_the_supervisors_word_ends_the_wait_for_the_end_of_a_killed_tree() -> None:
    """As in runtime/supervisor_client.py: the word comes while the daemon waits for the end of the
    init that it killed itself. Nobody is doubted after that (seed 556018).
    """
    script = Script()
    script.obey("pool 3 majority")
    world = script.world
    world.faults = replace(world.faults, pipe_ms=(2, 2), kill_ms=(8, 8))
    machine = world.machines[Name("cm1")]
    while world.leaders() != [machine.name]:
        script.obey("run 1ms")
    script.obey("pause cm1 daemon supervisor")  # The start is on its way.
    script.obey("run 3s")
    script.obey("resume cm1")
    script.obey("run 1s")
    assert world.counters["inits killed by the daemon"] == 1
    assert machine.daemon is not None
    state = machine.daemon.state
    assert state.controllee.state is ControlleeState.STOPPED
    assert state.fitness.leftover == ""
    assert state.secret_hash
