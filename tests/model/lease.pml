/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A volume's world: a key service that changes its mind, work that may fail or hang, an agent that
 * may be killed, people who open and close, and time. In its middle the lease machine, by its own
 * code (lease-model.h). Each order is judged here from what the world knows; LTL says what must come
 * about in the end. Checked by tests/check/lease-model. */

c_decl {
\#include "lease-model.h"
}

c_track "&model" "sizeof(struct model)" "Matched"

/* The numbers of lease.h, base/verdict.h and ladder.h. */
#define GRANTED   0
#define KEY_STATE 1
#define DENIED    2
#define NO_ANSWER 4

#define CLOSED    0
#define PENDING   1
#define OPEN      2
#define DOUBTFUL  3
#define DENYING   4
#define REVOKED   5
#define RESTORING 6

#define EV_WANTED   0
#define EV_ADOPTED  1
#define EV_GONE     2
#define EV_VERDICT  3
#define EV_RUNG     4
#define EV_RESTORED 5
#define EV_CHANGED  6
#define EV_TIME     7

#define ALERT    0
#define SUSPEND  1
#define CLOSE    2
#define KILL     3
#define ERASE    4
#define POWEROFF 5

#define DONE   0
#define FAILED 1
#define HUNG   2

#define NEVER 99
#define LONG  4

/* ---- the world ---- */
byte kms = GRANTED;
bit faulty = 1;          /* work may fail, people act, agents die; once 0, it stays so */
bit table, key;          /* in the kernel */
bit erased;
/* ---- what the world knows of the cause ---- */
bit denied, outlast, over, doubtful, succeeded, told, alarmed, left, off;
byte denials, first_ago, doubt_ago, cause_ago;
/* ---- of the machine, after each step ---- */
byte state, work, running, order, rung;
bit mapped, dead, soon;
byte next_kind, at, k;
/* ---- of the step ---- */
byte ev, verdict, result;
bit suspended;
bit begun;

#define LIVE  (state == OPEN || state == DOUBTFUL || state == DENYING)
#define CAUSE (denied || outlast)

inline forgive()
{
        denied = 0; outlast = 0; over = 0; doubtful = 0; told = 0; left = 0;
        denials = 0; first_ago = 0; doubt_ago = 0; cause_ago = 0
}

inline condemn()
{
        if
        :: !denied -> denied = 1; doubtful = 0; over = 0; outlast = 0; told = 0; doubt_ago = 0; cause_ago = 0
        :: else
        fi
}

inline doubt()
{
        if
        :: !LIVE
        :: else ->
                if
                :: !doubtful -> doubtful = 1; told = 0; over = 0; doubt_ago = 0
                :: else
                fi;
                if
                :: doubt_ago >= 2 ->
                        over = 1;
                        if
                        :: c_expr { model.climbs } -> outlast = 1; cause_ago = doubt_ago - 2
                        :: else
                        fi
                :: else
                fi
        fi
}

/* state is the machine's before the verdict. */
inline hear()
{
        if
        :: state == CLOSED
        :: state != CLOSED && verdict == GRANTED -> forgive(); succeeded = 1
        :: state != CLOSED && verdict == KEY_STATE ->
                if
                :: state != PENDING -> condemn()
                :: else
                fi
        :: state != CLOSED && verdict == DENIED && succeeded ->
                if
                :: state == PENDING || denied
                :: else ->
                        if
                        :: denials == 0 -> first_ago = 0
                        :: else
                        fi;
                        denials = (denials < 2 -> denials + 1 : 2);
                        if
                        :: LIVE -> doubtful = 0; over = 0; doubt_ago = 0
                        :: else
                        fi;
                        if
                        :: denials >= 2 && first_ago >= 1 -> condemn()
                        :: else
                        fi
                fi
        :: state != CLOSED && (verdict == NO_ANSWER || verdict == DENIED && !succeeded) -> doubt()
        fi
}

/* One step of the machine by ev, verdict, suspended, result. */
inline step()
{
        c_code {
                model_event(now.ev, now.verdict, now.suspended, now.result);
                now.state = (unsigned char)model.lease.state;
                now.work = (unsigned char)model.lease.work;
                now.running = (unsigned char)model.lease.running;
                now.mapped = model.lease.mapped;
                now.dead = model.lease.dead;
                now.order = (unsigned char)model.order;
                now.rung = (unsigned char)model.rung;
                now.next_kind = (unsigned char)model.next;
                now.soon = model.soon != 0;
        };
        if
        :: state == RESTORING -> doubtful = 0; over = 0; doubt_ago = 0
        :: state == CLOSED -> forgive(); alarmed = 0
        :: else
        fi
}

inline rung_ticks()
{
        c_code { now.at = (unsigned char)model_rung_ticks(!now.denied, now.k); }
}

/* Invariants 1 and 2, order by order. */
inline judge()
{
        if
        :: order == 1 && rung == ALERT -> /* LEASE_DO_RUNG */
                assert(!off && !told && (CAUSE || over));
                told = 1; alarmed = 1
        :: order == 1 && rung != ALERT ->
                k = rung;
                rung_ticks();
                assert(CAUSE);
                assert(told && !off);
                assert(at <= cause_ago || left);
                assert(at != NEVER || rung == KILL);
                assert(rung != ERASE || (at <= cause_ago && c_expr { model.may_erase }));
                off = (rung == POWEROFF)
        :: order == 2 || order == 3 -> /* LEASE_DO_RESUME, LEASE_DO_OPEN */
                assert(!CAUSE && !off && !erased);
                assert((order == 2) == (mapped && !dead))
        :: order == 5 -> /* LEASE_RESTORED */
                assert(alarmed && !CAUSE && table);
                alarmed = 0
        :: else
        fi
}

/* Invariant 3, once nothing more is ordered: a wiping rung that is due or has failed leaves no key,
 * or something stronger follows. */
inline judge_rest()
{
        if
        :: state != CLOSED && work == 0 && !off ->
                assert(CAUSE == (state == REVOKED));
                assert(!CAUSE || told);
                if
                :: CAUSE && (key || left) ->
                        k = SUSPEND;
                        do
                        :: k <= KILL ->
                                rung_ticks();
                                assert((at > cause_ago && !left) ||
                                       (soon && (next_kind == KILL || next_kind == ERASE)));
                                k++
                        :: else -> break
                        od;
                        k = POWEROFF;
                        rung_ticks();
                        assert(!left || at == NEVER)
                :: else
                fi
        :: else
        fi
}

/* An event and all that follows at once. */
inline happen()
{
        step();
        do
        :: order != 0 -> judge(); ev = EV_TIME; step()
        :: else -> break
        od;
        judge_rest();
        c_code { model_make_canonical(); };
        ev = 0; verdict = 0; suspended = 0; result = 0; order = 0; rung = 0; next_kind = 0; soon = 0;
        at = 0; k = 0
}

/* ---- who acts ---- */

active proctype Kms()
{
        (begun);
        do
        :: atomic { faulty -> kms = GRANTED }
        :: atomic { faulty -> kms = KEY_STATE }
        :: atomic { faulty -> kms = DENIED }
        :: atomic { faulty -> kms = NO_ANSWER }
        :: atomic { faulty -> faulty = 0; break }
        od
}

active proctype Prober()
{
        (begun);
        do
        :: atomic { state != CLOSED -> verdict = kms; hear(); ev = EV_VERDICT; happen() }
        od
}

inline end_rung()
{
        if
        :: running >= SUSPEND && running <= KILL ->
                left = ((CAUSE -> (result != DONE) : left));
                key = (result == DONE -> 0 : key);
                table = (running == CLOSE && result == DONE -> 0 : table)
        :: running == ERASE -> erased = (erased || result == DONE)
        :: else
        fi
}

inline end_restore()
{
        if
        :: result == DONE ->
                table = 1; key = 1;
                if
                :: state == PENDING || state == RESTORING || state == CLOSED -> succeeded = 1; forgive()
                :: else
                fi
        :: else ->
                key = (result == HUNG -> table : key);
                if
                :: verdict == KEY_STATE && state == RESTORING -> condemn()
                :: else
                fi
        fi
}

active proctype Worker()
{
        (begun);
        do
        :: atomic {
                work == 1 ->
                        if
                        :: result = DONE
                        :: faulty -> result = FAILED
                        :: faulty -> result = HUNG
                        fi;
                        end_rung(); ev = EV_RUNG; happen()
           }
        :: atomic {
                work == 2 ->
                        if
                        :: kms == GRANTED -> result = DONE
                        :: kms != GRANTED -> result = FAILED; verdict = kms
                        :: faulty -> result = FAILED
                        :: faulty -> result = HUNG
                        fi;
                        end_restore(); ev = EV_RESTORED; happen()
           }
        od
}

#define LATER(t) t = (t < LONG -> t + 1 : LONG)

active proctype Clock()
{
        (begun);
        do
        :: atomic {
                true ->
                        c_code { model_tick(); };
                        if
                        :: denials > 0 -> LATER(first_ago)
                        :: else
                        fi;
                        if
                        :: doubtful -> LATER(doubt_ago)
                        :: else
                        fi;
                        if
                        :: CAUSE -> LATER(cause_ago)
                        :: else
                        fi;
                        ev = EV_TIME; happen()
           }
        od
}

/* People, udev, and who sends SIGKILL. */
active proctype Chance()
{
        atomic {
                if
                :: c_code { model_begin(0); }
                :: c_code { model_begin(1); }
                fi;
                begun = 1
        };
        do
        :: atomic { faulty && !table -> ev = EV_WANTED; happen() }
        :: atomic {
                faulty ->
                        if
                        :: suspended = 0
                        :: suspended = 1
                        fi;
                        table = 1; key = !suspended;
                        erased = (state == CLOSED && !mapped && key -> 0 : erased);
                        ev = EV_ADOPTED; happen()
           }
        :: atomic { faulty && table -> table = 0; key = 0; ev = EV_GONE; happen() }
        :: atomic {
                faulty ->
                        succeeded = 0; denials = 0; first_ago = 0;
                        if
                        :: state == DENYING -> doubt()
                        :: else
                        fi;
                        ev = EV_CHANGED; happen()
           }
        :: atomic {
                faulty ->
                        if /* what ran was done, or not; nobody saw it */
                        :: work == 1 && running >= SUSPEND && running <= KILL ->
                                key = 0; table = (running == CLOSE -> 0 : table)
                        :: work == 2 -> key = 1; table = 1
                        :: true
                        fi;
                        c_code {
                                model_kill();
                                now.state = (unsigned char)model.lease.state;
                                now.mapped = model.lease.mapped;
                                now.off = now.off && model.lease.rung == 5;
                        };
                        if
                        :: state == RESTORING -> doubtful = 0; over = 0; doubt_ago = 0
                        :: else
                        fi;
                        suspended = !key;
                        erased = (table && state == CLOSED && !mapped && key -> 0 : erased);
                        ev = (table -> EV_ADOPTED : (mapped -> EV_GONE : EV_WANTED));
                        happen()
           }
        :: !faulty -> break
        od
}

/* A grant that stays brings every volume back (or it was closed, or erased). */
ltl comes_back { (<>[] (kms == GRANTED && !faulty)) -> (<>[] (off || state == OPEN || state == CLOSED)) }

/* A revocation that stays takes every key away (or the volume was erased: nobody asks for it then). */
ltl key_goes { (<>[] (kms == KEY_STATE && !faulty)) -> (<>[] (off || erased || !key)) }
