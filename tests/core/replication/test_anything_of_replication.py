"""Whatever happens, in whatever order: nothing is lost, and once all is quiet all are the same."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hadelect.core.replication import events as ev
from hadelect.core.replication.effects import Fetch, Install, Look, Mark, Restore, Snapshot
from hadelect.core.replication.events import Failure
from hadelect.core.vocabulary import Name, Term, next_term
from tests.core.replication.pool import EMPTY, A, B, C, Disk, Pool

WHO = st.sampled_from([A, B, C])
MOVES = st.one_of(
    st.tuples(st.just("write"), WHO),
    st.tuples(st.just("scribble"), WHO),
    st.tuples(st.just("lead"), WHO),
    st.tuples(st.just("storm"), WHO),  # Starts without asking.
    st.tuples(st.just("flush"), WHO),
    st.tuples(st.just("end"), WHO),
    st.tuples(st.just("restart"), WHO),
    st.tuples(st.just("crash"), WHO),
    st.tuples(st.just("cut"), WHO),
    st.tuples(st.just("heal"), WHO),
    st.tuples(st.just("wipe"), WHO),
    st.tuples(st.just("fail"), WHO),
    st.tuples(st.just("mend"), WHO),
    st.tuples(st.just("work"), WHO),
    st.tuples(st.just("hear"), WHO),
    st.tuples(st.just("wait"), WHO),
    st.tuples(st.just("long"), WHO),
    st.tuples(st.just("accept"), WHO),
    st.tuples(st.just("restore"), WHO),
    st.tuples(st.just("unwanted"), WHO),
    st.tuples(st.just("reload"), WHO),
)
KINDS = (Look, Mark, Snapshot, Fetch, Install, Restore)


class Player:
    """Plays moves. What it may not do in this situation it leaves out."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.pool.start()
        self.term = Term(0)
        self.writes = 0
        self.leader: Name | None = None

    def play(self, move: str, who: Name) -> None:
        getattr(self, move)(who)

    def end_leadership(self) -> None:
        self.pool.running.clear()
        self.pool.tell(None)
        self.leader = None

    def up(self, who: Name | None) -> bool:
        return who in self.pool.daemons

    def write(self, _who: Name) -> None:
        if self.up(self.leader) and self.leader in self.pool.running:
            self.writes += 1
            self.pool.daemons[self.leader].write(self.writes, settled=self.writes % 3 != 0)

    def scribble(self, who: Name) -> None:
        """Somebody writes to the files of a member, perhaps while nobody watches them."""
        self.writes += 1
        if self.up(who):
            self.pool.daemons[who].write(self.writes)
        else:
            disk = self.pool.disks[who]
            disk.live = (disk.live or EMPTY) | {self.writes}

    def lead(self, who: Name) -> None:
        if not self.up(who):
            return
        self.end_leadership()
        self.term = next_term(self.term, self.pool.names.index(who))
        answer = self.pool.prepare(who, self.term)
        self.leader = who
        if answer is None:
            self.pool.wait(6_000)
            answer = self.pool.answer(who)
        if answer is not None and answer.ok:
            self.pool.run_controllee(who, self.term)

    def storm(self, who: Name) -> None:
        if self.up(who) and self.pool.current(who):
            self.end_leadership()
            self.term = next_term(self.term, self.pool.names.index(who))
            self.leader = who
            self.pool.running.add(who)
            self.pool.tell(who, self.term)

    def flush(self, who: Name) -> None:
        leader = self.leader
        if self.up(leader) and leader != who and leader in self.pool.running:
            answer = self.pool.flush(leader, self.term, who)
            if answer is not None and answer.ok:
                disks = self.pool.disks
                assert (disks[leader].live or EMPTY) <= (disks[who].live or EMPTY)
            self.end_leadership()

    def end(self, _who: Name) -> None:
        self.end_leadership()

    def restart(self, who: Name) -> None:
        self.pool.stop(who)
        self.pool.start(who)
        if self.leader:
            leads = self.leader == who
            started = leads and who in self.pool.running
            told = ev.Told(self.leader, self.term, leads=leads, started=started)
            self.pool.daemons[who].feed(told)

    def crash(self, who: Name) -> None:
        self.pool.stop(who)
        if self.leader == who:
            self.end_leadership()

    def cut(self, who: Name) -> None:
        for other in list(self.pool.daemons):
            if self.up(who) and other != who:
                self.pool.cut(who, other)

    def heal(self, _who: Name) -> None:
        for name in self.pool.names:
            if not self.up(name):
                self.pool.start(name)
        for one in self.pool.names:
            for other in self.pool.names:
                if one != other:
                    self.pool.connect(one, other)

    def wipe(self, who: Name) -> None:
        """An administrator empties the live files of a member where nothing runs."""
        if who not in self.pool.running:
            disk: Disk = self.pool.disks[who]
            disk.asides.append(disk.live or EMPTY)  # Its own doing.
            disk.live = None
            if self.up(who):
                self.pool.daemons[who].feed(ev.Changed(settled=False))
                self.pool.daemons[who].feed(ev.Changed(settled=True))

    def fail(self, who: Name) -> None:
        if self.up(who):
            kinds, failures = len(KINDS), list(Failure)
            kind = KINDS[self.writes % kinds]
            self.pool.daemons[who].fails[kind] = failures[self.writes % len(failures)]

    def mend(self, who: Name) -> None:
        if self.up(who):
            self.pool.daemons[who].fails.clear()

    def work(self, who: Name) -> None:
        if self.up(who) and self.pool.daemons[who].work:
            self.pool.daemons[who].do_work()

    def hear(self, _who: Name) -> None:
        self.pool.deliver()

    def wait(self, _who: Name) -> None:
        self.pool.wait(700)

    def long(self, _who: Name) -> None:
        self.pool.wait(11_000)

    def accept(self, who: Name) -> None:
        if self.up(who):
            self.pool.daemons[who].feed(ev.Accept(7, "we know", loss=True, empty=True))

    def restore(self, who: Name) -> None:
        if self.up(who) and self.pool.disks[who].kept:
            oldest = min(self.pool.disks[who].kept, key=lambda version: version.place)
            self.pool.daemons[who].feed(ev.AskRestore(8, oldest, "it was better"))

    def unwanted(self, who: Name) -> None:
        if self.up(who):
            self.pool.daemons[who].feed(ev.Unwanted(self.pool.serial))

    def reload(self, who: Name) -> None:
        if self.up(who):
            self.pool.daemons[who].feed(ev.Reloaded())


def play(moves: list[tuple[str, Name]]) -> None:
    player = Player()
    for move, who in moves:
        player.play(move, who)
    pool = player.pool
    player.heal(A)
    for name in pool.names:
        player.mend(name)
    pool.wait(30_000)
    player.end_leadership()
    for name in pool.names:
        player.accept(name)
    player.lead(A)
    pool.wait(5_000)
    assert A in pool.running
    player.write(A)
    pool.wait(30_000)
    assert pool.live(A) == pool.live(B) == pool.live(C)
    assert pool.version(A) == pool.version(B) == pool.version(C)
    assert all(one.replica.ready for one in pool.daemons.values())


@settings(max_examples=60, deadline=None)
@given(st.lists(MOVES, max_size=40))
def test_nothing_is_lost_and_all_converge(moves: list[tuple[str, Name]]) -> None:
    """The referees of the pool watch every move; then everything heals and somebody leads."""
    play(moves)
