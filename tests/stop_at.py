"""Work that is told to stop at one of its steps."""

from debrepo.stopping import Watch


class StopAt(Watch):
    """Tells the work to stop when it asks for the ``step``-th time."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def check(self):
        self.step -= 1
        if self.step < 0:
            self.stop("the task was cancelled")
        super().check()
