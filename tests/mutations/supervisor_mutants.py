"""Single faults of the supervisor, the init, and the daemon's side of them: store and client."""

from tests.mutations.mutant import Mutant, test

KEEPER = (
    Mutant(
        "notice before verification",
        "supervisor/keeper.py",
        "        self._tree.is_orphan = True\n        self._kill(self._tree)\n",
        "        self._tree.is_orphan = True\n        self._give_notice()\n"
        "        self._kill(self._tree)\n",
        "a peer starts beside a tree that hangs in the kernel",
        test("supervisor/test_stuck.py::test_daemon_killed"),
    ),
    Mutant(
        "the tree outlives its daemon",
        "supervisor/keeper.py",
        "        self._tree.is_orphan = True\n        self._kill(self._tree)\n",
        "        self._tree.is_orphan = True\n",
        "nobody extends it, nobody ends it before its deadline: the failover takes a lease",
        test("supervisor/test_whole_tree.py::test_daemon_killed[forks]"),
    ),
    Mutant(
        "a start beside a dying tree",
        "supervisor/tree.py",
        '    if tree and tree.ending:\n        return "the tree',
        '    if tree and not tree:\n        return "the tree',
        "two on one host",
        test("supervisor/test_stuck.py::test_asked_stop"),
    ),
    Mutant(
        "a start after its deadline",
        "supervisor/tree.py",
        'return "its deadline has passed" if deadline <= boottime_ms() else ""\n',
        'return ""\n',
        "a command that waited in a frozen supervisor is obeyed when another leads",
        test("supervisor/test_commands.py::test_start_after_its_deadline"),
    ),
    Mutant(
        "the secret is revealed when the stop is asked",
        "supervisor/keeper.py",
        '            tree.asked = because or "stopped by command"\n',
        '            tree.asked = because or "stopped by command"\n'
        "            self._terms.release(term)\n"
        "            self._tell_released(term, because)\n",
        "peers start while the controllee still stops",
        test("supervisor/test_stuck.py::test_asked_stop"),
    ),
    Mutant(
        "nobody but the init holds the deadline",
        "supervisor/keeper.py",
        "            self._kill(tree)\n        watch_deadline(self._loop, tree, self._kill)\n",
        "            self._kill(tree)\n",
        "daemon and init frozen: the tree runs on",
        test("supervisor/test_daemon_lives.py::test_frozen_daemon_and_init"),
    ),
    Mutant(
        "what an earlier life left is not looked for",
        "supervisor/earlier.py",
        "    left = left_behind(spec.state_dir, reaper)\n",
        "    left = None\n",
        "a controllee of an earlier life runs beside the next one",
        test("supervisor/test_earlier_life.py::test_killed"),
    ),
)

SUPERVISOR_ITSELF = (
    Mutant(
        "a queued start is obeyed after the hang-up",
        "supervisor/supervisor.py",
        "        if packet is None:\n            return None\n",
        "        if packet is None:\n            break\n",
        "a controllee starts whose death is announced",
        test("supervisor/test_commands.py::test_nothing_that_waited_before_the_end_is_obeyed"),
    ),
    Mutant(
        "a start that was taken back is obeyed",
        "supervisor/supervisor.py",
        "            stopped.add(term)\n",
        "            stopped.add(0)\n",
        "a supervisor that wakes up starts what its daemon has given up",
        test("supervisor/test_commands.py::test_a_start_that_was_taken_back_is_not_obeyed"),
    ),
    Mutant(
        "a released term starts again",
        "supervisor/terms.py",
        "        self.released = max(term, self.term, self.released)\n",
        "        self.released = self.released\n",
        "its secret is known: a peer leads already",
        test("supervisor/test_terms.py"),
    ),
    Mutant(
        "one secret for two leaderships",
        "supervisor/terms.py",
        "        self.secret = os.urandom(32).hex()\n        return secret\n",
        "        return secret\n",
        "the proof of the first one's end ends the second, which lives",
        test("supervisor/test_terms.py", "supervisor/test_whole_tree.py::test_stop[forks]"),
    ),
    Mutant(
        "a leadership goes on under a lower term",
        "supervisor/terms.py",
        "        if to <= term:\n",
        "        if to == term:\n",
        "the fencing token goes backwards",
        test("supervisor/test_terms.py"),
    ),
    Mutant(
        "a second life on the same state directory",
        "supervisor/earlier.py",
        "            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)\n",
        "two supervisors of one member start two controllees",
        test("supervisor/test_earlier_life.py::test_locked"),
    ),
    Mutant(
        "a process is killed for its pid alone",
        "supervisor/earlier.py",
        "    if started and start_time(pid) == started:",
        "    if started:",
        "a stranger that has the pid now is killed",
        test("supervisor/test_earlier_life.py::test_pid_in_use_again"),
    ),
)

INIT = (
    Mutant(
        "the init keeps its deadline too late",
        "supervisor/init.py",
        "        self._deadline = self._loop.at(at_ms, self._on_deadline)\n",
        "        self._deadline = self._loop.at(at_ms + 5_000, self._on_deadline)\n",
        "authority is over, the tree lives",
        test("supervisor/test_daemon_lives.py::test_frozen_daemon_and_supervisor"),
    ),
    Mutant(
        "an extend is acknowledged, not obeyed",
        "supervisor/init.py",
        '        self._set_deadline(packets.number(body, "deadline"))\n',
        "        if not self._deadline:\n"
        '            self._set_deadline(packets.number(body, "deadline"))\n',
        "every controllee is killed after a lease (promise 2)",
        test("supervisor/test_commands.py::test_extend_moves_the_deadline"),
    ),
    Mutant(
        "an end of the first process is no end",
        "supervisor/init.py",
        "        if not (self._daemonised or (status == 0 and in_grace)):\n",
        "        if not (self._daemonised or in_grace):\n",
        "a crash that leaves helpers behind is taken for a daemon that went to the background",
        test("supervisor/test_controllee.py::test_crash_with_others_left"),
    ),
)

DAEMON = (
    Mutant(
        "no fdatasync",
        "supervisor/slots.py",
        "    os.fdatasync(fd)\n",
        "",
        "a vote is said that a loss of power forgets",
        test("runtime/test_store.py::test_a_write_has_happened_once_it_is_synced"),
    ),
    Mutant(
        "the newest record is written over",
        "supervisor/slots.py",
        "slot.sequence % SLOTS * SLOT_BYTES)\n",
        "slot.sequence % 1 * SLOT_BYTES)\n",
        "interrupted, nothing whole is left",
        test(
            "runtime/test_store.py::test_a_torn_slot_leaves_the_other",
            "runtime/test_store.py::test_what_was_written_is_found",
        ),
    ),
    Mutant(
        "a torn record is taken for a clean stop",
        "runtime/store.py",
        "        if found.torn and memory.record:",
        "        if found.torn and not memory.record:",
        "what was torn may have been a promise",
        test("runtime/test_store.py::test_a_torn_slot_leaves_the_other"),
    ),
    Mutant(
        "a failed write is told as done",
        "runtime/store.py",
        '                failed = f"{self.path}: {error}"\n',
        '                failed = ""\n',
        "votes leave that are on no disk",
        test("runtime/test_store.py::test_a_full_disk_is_said_and_a_later_success_too"),
    ),
    Mutant(
        "a failed write lets go what waited for it",
        "runtime/driver.py",
        "            self.hear(PersistFailed(serial, failed))\n"
        "            return\n        carry_out(",
        "            self.hear(PersistFailed(serial, failed))\n        carry_out(",
        "votes leave that are on no disk",
        test("runtime/test_driver.py::test_what_waits_for_the_disk_leaves_after_it"),
    ),
    Mutant(
        "no watch over supervisor and init",
        "runtime/supervisor_client.py",
        "            due = min(due, self._unacknowledged[0][1] + self._patience_ms)\n",
        "            due = max(due, self._unacknowledged[0][1] + self._patience_ms)\n",
        "a frozen supervisor is noticed when it is too late",
        test("supervisor/test_daemon_lives.py::test_frozen_supervisor_and_init"),
    ),
    Mutant(
        "a supervisor that wakes up was not told to stop",
        "runtime/supervisor_client.py",
        "        self._send(words.stop_body(self._term, because, kill=True))\n"
        "        self._stop_watching()\n",
        "        self._stop_watching()\n",
        "it starts what the daemon has reported as dead",
        test("supervisor/test_daemon_lives.py::test_start_at_a_frozen_supervisor"),
    ),
    Mutant(
        "the daemon says STOPPED without a look",
        "runtime/supervisor_client.py",
        "        if self._fence is None:\n            self._on_killed(because)\n",
        "        if self._fence:\n            self._on_killed(because)\n",
        "it resigns beside a living tree",
        test("supervisor/test_daemon_lives.py::test_frozen_supervisor_and_init"),
    ),
)

SUPERVISOR = (*KEEPER, *SUPERVISOR_ITSELF, *INIT, *DAEMON)
