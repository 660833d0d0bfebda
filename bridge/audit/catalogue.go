package audit

import "slices"

// Kind is one kind of event. docs/audit.md shows the same table.
type Kind struct {
	Name    string
	Meaning string
}

// Catalogue returns every kind of event in the order of the documentation.
func Catalogue() []Kind {
	return slices.Concat(gateKinds(), swapKinds(), serviceKinds(), temporaryKinds())
}

// gateKinds are about sign-ins, the gate, recoveries and how they are proven.
func gateKinds() []Kind {
	return []Kind{
		{"signin.started", "A user name was typed; ok: the gate was opened for that person, refused: code says why it stayed shut."},
		{"signin.finished", "The person came back from the campus sign-in and is who the gate was opened for."},
		{"signin.refused", "A sign-in came back and was not accepted; detail says why: the campus sign-in reported an error, or its answer was not one for us."},
		{"logout.received", "The campus ended a person's sign-in and said so."},
		{"gate.opened", "A person became a member of the gate group."},
		{"gate.shut", "A person left the gate group; detail.reason says why, swept: it was a member without a lease, password: a new one was set by a link that Keycloak had mailed."},
		{"gate.alarm", "Keycloak reported an event at the login client that never happens rightly; the gate was shut for everybody. A password that was forgotten is none."},
		{"gate.undone", "Keycloak reported a change at the login client without a second factor, behind a mailed link or of recovery codes: it was undone and the person's own gate shut. detail.link says in which browser: same as the mail was asked for in, or another, where the login client's key was not needed."},
		{"gate.mismatch", "Somebody else came back than the gate was opened for."},
		{"gate.counted", "Too many wrong second factors in the last 24 hours: the gate stayed shut."},
		{"recovery.started", "A person asked for a new authenticator; detail.asks temporary_code, here and in all that follows: for a temporary code from the help desk."},
		{"recovery.superseded", "A waiting recovery made room for a newer one of the same person."},
		{"recovery.proven", "The second channel was proven; the holder may enrol."},
		{"recovery.delayed", "The second channel was proven and the policy's waiting period began; it has to be proven again afterwards."},
		{"recovery.more_needed", "The policy that rules now asks for more than the proof holds: it is asked for; detail.policy names the policy."},
		{"recovery.cancelled", "The person cancelled, or an administrator did (actor)."},
		{"recovery.vetoed", "Somebody who got a notice stopped the recovery; actor is empty when nobody was signed in."},
		{"recovery.expired", "The time was up."},
		{"recovery.ended", "The recovery ended early because the account no longer allows it; code says why."},
		{"recovery.answered", "The help desk's approval ended in a temporary code, as the person had asked; nothing is replaced."},
		{"link.sent", "A link was queued for the notification address."},
		{"link.wrong_person", "A link was opened by somebody signed in as another person."},
		{"veto.wrong_number", "A veto link was used with a wrong objection number."},
		{"call.wrong_pair", "An operator typed a user name and a call code that do not belong together; target is empty when nobody has that name."},
		{"desk.locked", "Five wrong pairs in ten minutes: this operator can type none for a while."},
		{"desk.opened", "An operator opened the case of a caller by a right pair."},
		{"desk.released", "An operator closed a case without a decision, or it was closed to them: another one opened, signed out here or at the campus, the role lost, not theirs to approve; the person is the actor when their own line broke."},
		{"desk.call_back", "An operator calls the number on record: the caller's page shows match words."},
		{"desk.words_matched", "The operator picked the words that the caller's page shows: the call-back reached the caller."},
		{"desk.words_wrong", "The operator picked other words than the caller's page shows; the call-back is over."},
		{"desk.deciding", "An operator is about to approve, or to give their part of a permit, on the grounds in detail.checks and detail.ticket. Written before anything changes: without it nothing does."},
		{"desk.approved", "An operator confirmed who the caller is; detail.checks and detail.ticket say on what grounds."},
		{"desk.denied", "An operator ended the recovery."},
		{"permit.looked", "An operator looked at somebody whose gate may stay shut."},
		{"permit.limited", "An operator tried to look at more than twenty people within an hour, and saw nobody."},
		{"permit.asked", "A first operator asked to let somebody in whose gate stays shut; detail.checks and detail.ticket say on what grounds."},
		{"permit.given", "A second operator agreed: that person can sign in for ten minutes."},
	}
}

// swapKinds are about keys, the swap, locks, recovery codes and what is changed in the settings.
func swapKinds() []Kind {
	return []Kind{
		{"key.new", "The holder asked for another key."},
		{"key.wrong_code", "A wrong one-time password was typed; code says whether tries remain."},
		{"key.stopped", "Five wrong one-time passwords discarded the key."},
		{"codes.limit", "Too many wrong one-time passwords in a row over all sessions: the way is shut."},
		{"swap.intended", "About to write the credential \"added\" and to remove \"removed\". Written before anything is changed."},
		{"swap.done", "The credential \"added\" stands and the ones in \"removed\" are gone; detail.kept: a newer one was left, or one of a directory, which cannot be removed; detail.told: only the mailbox that got the link hears of it."},
		{"swap.refused", "The swap ended and nothing was changed: Keycloak refused the credential for good, or an administrator ended it. detail.field: the profile fields that Keycloak named."},
		{"swap.stuck", "The swap does not go on until an administrator mends what code and detail.field say; it is tried again all the same."},
		{"admin.retry", "An administrator told a swap or a lock to go on, by `otpbridge recoveries retry`."},
		{"admin.cancel", "An administrator asked to end a recovery, by `otpbridge recoveries cancel`; recovery.cancelled follows when it was ended. Of a locked account: nobody watches any more that it stays so."},
		{"swap.undone", "A credential that was sent in a swap, and came to stand after that had ended, is about to be removed again: \"removed\"."},
		{"lock.intended", "A theft was reported and the second channel proven: about to write the tombstone \"added\" and to remove every other second factor, \"removed\"."},
		{"lock.done", "The tombstone stands, the second factors in \"removed\" are gone, sessions were ended; detail.kept: how many could not be removed (lock.kept)."},
		{"lock.stuck", "The lock does not go on until an administrator mends what code says; it is tried again all the same."},
		{"lock.kept", "A lock is about to end beside second factors that could not be removed, never an OTP of ours; detail.kept: of which kinds."},
		{"lock.intruder", "Something came to an account that was locked after a theft: the second factors in detail.found or, without any, a session; with \"added\", somebody took the tombstone away, and this one is written in its place. detail.recovered false: what came is removed and sessions end; true: the person has a new authenticator, and nothing was changed."},
		{"lock.refused", "The account was not locked after a theft: nothing was changed, or it was deleted, or somebody objected by a mail before the lock had begun (code)."},
		{"recovery_codes.intended", "About to write the recovery codes \"added\" that a person asked for at the end of a recovery or, without a way, in the settings, in the place of those in \"removed\"."},
		{"recovery_codes.done", "The recovery codes \"added\" stand behind the authenticator and sign in; the ones in \"removed\" are gone."},
		{"recovery_codes.refused", "No recovery codes are shown; code says why. What stood of \"added\" was taken back."},
		{"address.asked", "A number was mailed to an address that a person wants to be told at."},
		{"address.wrong_code", "A wrong confirmation number was typed; code says whether tries remain."},
		{"address.intended", "About to write notification addresses: detail.change says what, detail.marked the time of their mark. Written before anything is changed."},
		{"address.added", "A confirmed notification address stands."},
		{"address.removed", "A notification address is gone."},
		{"address.refused", "Notification addresses were not changed; code says why. detail.field: what Keycloak named."},
		{"authenticator.intended", "About to add, remove or rename an authenticator in the settings: detail.change says what, \"added\" and \"removed\" which. Written before anything is changed."},
		{"authenticator.added", "The authenticator \"added\" stands beside the others."},
		{"authenticator.removed", "The authenticator in \"removed\" is gone; others stand."},
		{"authenticator.renamed", "An authenticator has another name; with detail.store lost it may have one, which nobody can tell any more."},
		{"authenticator.refused", "No authenticator was changed in the settings; code says why. detail.field: what Keycloak named."},
	}
}

// serviceKinds are about mails, limits, alarms and the service.
func serviceKinds() []Kind {
	return []Kind{
		{"mail.sent", "A mail server took a mail."},
		{"mail.failed", "A mail server did not take a mail; it is tried again."},
		{"mail.dropped", "A mail was given up: its time was up, or it was refused for good."},
		{"limit.reached", "A rate limit refused a request."},
		{"alarm.weak_approval", "An approval rests neither on a call-back nor on the person at the counter."},
		{"alarm.objected", "Somebody who knew the objection number of a mail objected to a recovery that was done or being written: sessions are ended, the gate is shut, and for three days no link goes to that person."},
		{"alarm.risky_call", "An approval where operator and caller shared a client address, or an operator had been signed in with the caller's browser; a second one is needed."},
		{"alarm.suspicious_call", "An operator ended a recovery as suspicious, or the wrong match words were picked twice (code says so)."},
		{"guard.stopped", "The realm guard found the realm unsafe, or could not tell: no new recovery begins (detail: findings, the names in docs/doctor.md, each with its first ten objects, and issuer)."},
		{"guard.resumed", "The realm guard found nothing deadly any more: recoveries may begin again (detail: issuer)."},
		{"alarm.realm_unsafe", "Nobody is let in: Keycloak does not show its saved events or keeps none, or people could set an attribute that a policy looks at."},
		{"alarm.clock_off", "Our clock and Keycloak's are more than 30 s apart; detail.seconds: how far Keycloak is ahead."},
		{"alarm.authenticator_last", "After the removal of an authenticator in the settings none was left: the other one was taken away elsewhere at the same moment."},
		{"alarm.account_moved", "Somebody else changed an account at the moment when notification addresses were written; detail.fields names what moved: look whether their change is lost."},
		{"job.parked", "A piece of durable work was given up and waits for an operator."},
		{"store.new", "The store was empty: at the very first start there was none yet, at any other time open recoveries, counters, leases and people's histories are lost."},
		{"audit.counted", "Events that anybody can cause were too many to be written one by one (for one person ten a minute and 100 a day, for all 300 a minute and 5000 a day); detail.event says which, detail.count how many were left out in a minute."},
		{"service.started", "A process began to serve."},
		{"service.stopped", "A process stopped serving."},
		{"configuration.changed", "A process took a changed configuration while it ran; detail has the hashes of both."},
		{"configuration.refused", "A changed configuration was not taken: it has faults, needs a new start, or did not become ready. The one before stays in force; the log has the cause."},
	}
}

// temporaryKinds are about temporary codes.
func temporaryKinds() []Kind {
	return []Kind{
		{"temporary.intended", "A person asked for a temporary code: about to write the credential \"added\". The recovery of these events is the code's own id."},
		{"temporary.sent", "The credential of a temporary code stands, and the mail with the code is queued; detail.told, here and at the use: only the mailbox that got the code hears of it."},
		{"temporary.shown", "The credential of a temporary code that the help desk approved stands, and the page of the person who asked shows the code; detail.request is the recovery with the approvals."},
		{"temporary.used", "A temporary code was used. It is removed; what it opened stays open until its time is up."},
		{"temporary.vetoed", "Somebody who got a notice stopped a temporary code; nobody had to be signed in."},
		{"temporary.done", "Nothing is left of a temporary code; detail.why: expired, given_back, vetoed, changed, recovered, unsent, unshown (nobody said within ten minutes that they have it), unwritten, or lost for one that the store had forgotten."},
		{"temporary.stuck", "A temporary code cannot be taken away until an administrator mends what code says; it is tried again all the same."},
		{"alarm.temporary_changed", "While a temporary code was valid a second factor was added or removed, which nobody who means well does, or one was added within thirty days after the end of one that was used: what was added is removed (but what the person may have added after a recovery, after the end of the code's day, or after three days), sessions are ended, everybody on record is told, and nothing that opens the account is mailed for three days. detail.changed: the password was changed after the use, or within three days after an ordinary end; it stays."},
		{"alarm.temporary_last", "No other one-time password of a person was left when a temporary code was to go: the tombstone \"added\" is written first."},
	}
}
