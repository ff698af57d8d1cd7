"""Threads that take compiled calls from another thread within a microsecond, without Python and its lock.

A worker is a thread of Python inside of a compiled loop. It looks at its *slot* for less than a millisecond after
each job, as to wake it takes longer than most jobs, then sleeps in a semaphore of the system. Whoever shares a list of
calls offers it to all workers that are free and takes calls from it as they do, one after the other by a counter; so a
worker that wakes late, or is busy for somebody else, delays nobody: what it has not begun by the end is taken back.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import platform
import sys
import threading
from functools import cache
from string import Template
from typing import Any

from ...threads import workers
from .compiler import compiled

STATES = {
    "ABSENT": 0,  # nobody serves the slot; also in the child after a fork
    "IDLE": 1,  # the worker is looking
    "ASLEEP": 2,  # it has to be woken
    "TAKEN": 3,  # somebody is about to offer a job
    "OFFERED": 4,
    "RUNNING": 5,
    "DONE": 6,  # until who offered it has seen it
}
LAYOUT = {  # words of a slot, two lines of the cache
    "STATE": 0,
    "JOB": 1,
    "STOP": 2,  # not 0: the worker shall leave
    "WAIT": 3,  # functions of the system
    "POST": 4,
    "YIELD": 5,
    "SEMAPHORE": 8,
    "WORDS": 16,
}
LOOKS = {"SOME": 400, "MOST": 24_000}  # before another thread may have the processor, and before a worker sleeps
PAUSES = {  # what tells a processor that a loop waits
    "x86_64": ("call void @llvm.x86.sse2.pause()", "declare void @llvm.x86.sse2.pause()"),
    "aarch64": ("call void @llvm.aarch64.hint(i32 1)", "declare void @llvm.aarch64.hint(i32)"),
}
FUNCTIONS = {"WAIT": "sem_wait", "POST": "sem_post", "YIELD": "sched_yield"}
MOST_WORKERS = 31
PATIENCE = 1.0  # seconds for a worker to leave when the process ends

TAKE = """
define internal void @take(ptr %job) {
entry:
  %count = getelementptr i64, ptr %job, i64 1
  %n = load i64, ptr %count
  br label %next
next:
  %i = atomicrmw add ptr %job, i64 1 acq_rel
  %some = icmp slt i64 %i, %n
  br i1 %some, label %one, label %end
one:
  %at = getelementptr {i64, i64, [0 x {ptr, ptr}]}, ptr %job, i64 0, i32 2, i64 %i
  %run = load ptr, ptr %at
  %place = getelementptr ptr, ptr %at, i64 1
  %argument = load ptr, ptr %place
  call void %run(ptr %argument)
  br label %next
end:
  ret void
}
"""
# Who shares: sets the counter to 0, offers the job to free workers (a bit of %mine each), takes part, and takes the
# job back from, or waits for, those to which it was offered.
SHARED = (
    TAKE
    + """
define void @kernel(ptr %args) {
entry:
  %slots = load ptr, ptr %args
  %count.at = getelementptr i64, ptr %args, i64 1
  %count = load i64, ptr %count.at
  %job = getelementptr i64, ptr %args, i64 2
  store atomic i64 0, ptr %job release, align 8
  br label %offer
offer:
  %s = phi i64 [0, %entry], [%s.next, %offered]
  %mine = phi i64 [0, %entry], [%mine.next, %offered]
  %slot = getelementptr [$WORDS x i64], ptr %slots, i64 %s
  %idle = cmpxchg ptr %slot, i64 $IDLE, i64 $TAKEN acq_rel monotonic
  %is.idle = extractvalue {i64, i1} %idle, 1
  br i1 %is.idle, label %give, label %try
try:
  %asleep = cmpxchg ptr %slot, i64 $ASLEEP, i64 $TAKEN acq_rel monotonic
  %is.asleep = extractvalue {i64, i1} %asleep, 1
  br i1 %is.asleep, label %give, label %offered
give:
  %wake = phi i1 [false, %offer], [true, %try]
  %job.at = getelementptr i64, ptr %slot, i64 $JOB
  store ptr %job, ptr %job.at
  store atomic i64 $OFFERED, ptr %slot release, align 8
  %bit = shl i64 1, %s
  %more = or i64 %mine, %bit
  br i1 %wake, label %post, label %offered
post:
  %post.at = getelementptr i64, ptr %slot, i64 $POST
  %sem_post = load ptr, ptr %post.at
  %semaphore = getelementptr i64, ptr %slot, i64 $SEMAPHORE
  %posted = call i32 %sem_post(ptr %semaphore)
  br label %offered
offered:
  %mine.next = phi i64 [%mine, %try], [%more, %give], [%more, %post]
  %s.next = add i64 %s, 1
  %again = icmp slt i64 %s.next, %count
  br i1 %again, label %offer, label %work
work:
  call void @take(ptr %job)
  br label %collect
collect:
  %left = phi i64 [%mine.next, %work], [%left.next, %collected]
  %done = icmp eq i64 %left, 0
  br i1 %done, label %end, label %one
one:
  %t = call i64 @llvm.cttz.i64(i64 %left, i1 true)
  %its = getelementptr [$WORDS x i64], ptr %slots, i64 %t
  %back = cmpxchg ptr %its, i64 $OFFERED, i64 $IDLE acq_rel acquire
  %is.back = extractvalue {i64, i1} %back, 1
  br i1 %is.back, label %collected, label %wait
wait:
  %looks = phi i64 [0, %one], [%looks.next, %wait.again]
  %state = load atomic i64, ptr %its acquire, align 8
  %over = icmp eq i64 %state, $DONE
  br i1 %over, label %free, label %look
look:
  $PAUSE
  %looks.next = add i64 %looks, 1
  %turn = urem i64 %looks.next, $SOME
  %is.turn = icmp eq i64 %turn, 0
  br i1 %is.turn, label %yield, label %wait.again
yield:
  %yield.at = getelementptr i64, ptr %its, i64 $YIELD
  %sched_yield = load ptr, ptr %yield.at
  %yielded = call i32 %sched_yield()
  br label %wait.again
wait.again:
  br label %wait
free:
  store atomic i64 $IDLE, ptr %its release, align 8
  br label %collected
collected:
  %minus = sub i64 %left, 1
  %left.next = and i64 %left, %minus
  br label %collect
end:
  ret void
}
declare i64 @llvm.cttz.i64(i64, i1)
"""
)
WORKER = (
    TAKE
    + """
define void @kernel(ptr %slot) {
entry:
  %job.at = getelementptr i64, ptr %slot, i64 $JOB
  %wait.at = getelementptr i64, ptr %slot, i64 $WAIT
  %sem_wait = load ptr, ptr %wait.at
  %yield.at = getelementptr i64, ptr %slot, i64 $YIELD
  %sched_yield = load ptr, ptr %yield.at
  %stop.at = getelementptr i64, ptr %slot, i64 $STOP
  %semaphore = getelementptr i64, ptr %slot, i64 $SEMAPHORE
  store atomic i64 $IDLE, ptr %slot release, align 8
  br label %fresh
fresh:
  br label %look
look:
  %looks = phi i64 [0, %fresh], [%looks.next, %again]
  %state = load atomic i64, ptr %slot acquire, align 8
  %is.offered = icmp eq i64 %state, $OFFERED
  br i1 %is.offered, label %begin, label %pause
pause:
  $PAUSE
  %looks.next = add i64 %looks, 1
  %turn = urem i64 %looks.next, $SOME
  %is.turn = icmp eq i64 %turn, 0
  br i1 %is.turn, label %yield, label %again
again:
  br label %look
yield:
  %yielded = call i32 %sched_yield()
  %stop = load atomic i64, ptr %stop.at monotonic, align 8
  %stops = icmp ne i64 %stop, 0
  br i1 %stops, label %leave, label %stay
leave:
  %left = cmpxchg ptr %slot, i64 $IDLE, i64 $ABSENT acq_rel monotonic
  %is.left = extractvalue {i64, i1} %left, 1
  br i1 %is.left, label %end, label %stay
stay:
  %long = icmp sgt i64 %looks.next, $MOST
  br i1 %long, label %tired, label %again
tired:
  %rest = cmpxchg ptr %slot, i64 $IDLE, i64 $ASLEEP acq_rel monotonic
  %is.rest = extractvalue {i64, i1} %rest, 1
  br i1 %is.rest, label %sleep, label %fresh
sleep:
  %slept = call i32 %sem_wait(ptr %semaphore)
  %now = load atomic i64, ptr %slot acquire, align 8
  %still = icmp eq i64 %now, $ASLEEP
  br i1 %still, label %woken, label %fresh
woken:
  %stop.now = load atomic i64, ptr %stop.at monotonic, align 8
  %stops.now = icmp ne i64 %stop.now, 0
  br i1 %stops.now, label %rise, label %sleep
rise:
  %risen = cmpxchg ptr %slot, i64 $ASLEEP, i64 $IDLE acq_rel monotonic
  br label %fresh
begin:
  %mine = cmpxchg ptr %slot, i64 $OFFERED, i64 $RUNNING acq_rel monotonic
  %is.mine = extractvalue {i64, i1} %mine, 1
  br i1 %is.mine, label %run, label %fresh
run:
  %job = load ptr, ptr %job.at
  call void @take(ptr %job)
  store atomic i64 $DONE, ptr %slot release, align 8
  br label %fresh
end:
  ret void
}
"""
)


@cache
def shared() -> Any:
    """The kernel that shares pairs: it takes slots, how many, a counter of 0, how many pairs, and the pairs."""
    return compiled(text_of(SHARED))


def text_of(template: str) -> str:
    """A module for this machine."""
    pause, declaration = PAUSES.get(platform.machine(), ("", ""))
    return Template(template + declaration).substitute({**STATES, **LAYOUT, **LOOKS, "PAUSE": pause})


class Workers:
    """The workers of this process and their slots, which stay where they are as long as it lives."""

    def __init__(self, system: ctypes.CDLL) -> None:
        words, line = LAYOUT["WORDS"], 128
        self.memory = (ctypes.c_int64 * (words * (MOST_WORKERS + 1)))()
        self.first = (-ctypes.addressof(self.memory) % line) // 8  # a slot begins with a line of the cache
        self.threads: list[threading.Thread] = []
        self.lock = threading.Lock()
        self.system = system
        os.register_at_fork(after_in_child=self.forget)
        atexit.register(self.stop)

    @property
    def address(self) -> int:
        return ctypes.addressof(self.memory) + 8 * self.first

    def start(self, wanted: int) -> int:
        """Let there be ``wanted`` workers; returns how many there are for them."""
        wanted = min(wanted, MOST_WORKERS, workers() - 1)
        with self.lock:
            while len(self.threads) < wanted:
                place = self.address + 8 * LAYOUT["WORDS"] * len(self.threads)
                slot = (ctypes.c_int64 * LAYOUT["WORDS"]).from_address(place)
                for name, function in FUNCTIONS.items():
                    slot[LAYOUT[name]] = ctypes.cast(getattr(self.system, function), ctypes.c_void_p).value or 0
                if self.system.sem_init(ctypes.c_void_p(place + 8 * LAYOUT["SEMAPHORE"]), 0, 0):
                    return 0
                thread = threading.Thread(
                    target=compiled(text_of(WORKER)), args=(place,), name="agcli worker", daemon=True
                )
                try:
                    thread.start()
                except RuntimeError:  # the system has no more, or the process ends
                    return len(self.threads)
                self.threads.append(thread)
        return wanted

    def stop(self) -> None:
        """Let all workers leave; the machine code that they run goes with the interpreter."""
        words = LAYOUT["WORDS"]
        for k in range(len(self.threads)):
            self.memory[self.first + k * words + LAYOUT["STOP"]] = 1
            self.system.sem_post(ctypes.c_void_p(self.address + 8 * (k * words + LAYOUT["SEMAPHORE"])))
        for thread in self.threads:
            thread.join(PATIENCE)

    def forget(self) -> None:
        """After a fork only the thread that forked is there; calls with parts do them all until workers are started."""
        ctypes.memset(self.memory, 0, ctypes.sizeof(self.memory))
        self.threads.clear()
        self.lock = threading.Lock()


@cache
def team() -> Workers | None:
    """The workers, where the system has what they need."""
    try:
        system = ctypes.CDLL(None)
        found = sys.platform == "linux" and all(hasattr(system, name) for name in ("sem_init", *FUNCTIONS.values()))
    except (OSError, TypeError):  # Windows
        return None
    return Workers(system) if found else None


def slots(wanted: int) -> tuple[int, int]:
    """Where the slots of at most ``wanted`` workers are, and how many there are: none on other systems."""
    found = team()
    return (found.address, found.start(wanted)) if found else (0, 0)
