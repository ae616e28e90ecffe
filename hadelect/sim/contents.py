"""What the controllee's state ever was, in the whole pool: each content is an older one + a write.

Law: what a content contains is known for certain here, by its descent: no member can see that.
"""

from dataclasses import dataclass, field

Content = int
NOTHING: Content = 0  # No file at all: contained in everything.


@dataclass
class Contents:
    _older: list[Content] = field(default_factory=lambda: [NOTHING])
    _written_at: list[int] = field(default_factory=lambda: [0])
    _empty: list[bool] = field(default_factory=lambda: [True])

    def write(self, onto: Content, now: int, *, empty: bool = False) -> Content:
        """The next content after that one. `empty`: it was all deleted, with consent."""
        self._older.append(onto)
        self._written_at.append(now)
        self._empty.append(empty)
        return len(self._older) - 1

    def contains(self, content: Content, older: Content) -> bool:
        """Whether all that was in `older` is in `content`, or was given up on purpose."""
        while content > older:
            content = self._older[content]
        return content == older

    def is_empty(self, content: Content) -> bool:
        return self._empty[content]

    def written_at(self, content: Content) -> int:
        return self._written_at[content]

    def first_missing(self, content: Content, of: Content) -> Content:
        """The oldest write of `of` that `content` lacks; NOTHING: it lacks none."""
        missing = NOTHING
        while not self.contains(content, of):
            missing, of = of, self._older[of]
        return missing


def digest_of(content: Content) -> str:
    return f"{content:08x}"
