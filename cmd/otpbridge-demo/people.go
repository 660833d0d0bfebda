package main

import (
	"otpbridge/bridge/bridgetest/realm"
)

// person is one of the five of the realm file, as people who try the demo need to know them.
type person struct {
	Username, First, Password string
	Address                   string // where mail goes; "" = none
	Number                    string // on record, for call-backs; "" = none
	Old                       string // Base32 secret of the authenticator they had; "" = none
	Note, NoteJA              string
	operator                  bool
}

// campusPeople lists the five persons in the order of the alphabet.
func campusPeople() []person {
	people := []person{
		{Username: "alice", First: "Alice", Address: "alice@example.net", Number: "+81 75-000-1234", Note: "start with her", NoteJA: "最初はこの人で"},
		{Username: "bob", First: "Bob", Number: "+81 75-000-5678", Note: "no address for mail", NoteJA: "通知先メールアドレスなし"},
		{Username: "carol", First: "Carol", Address: "carol@example.net", operator: true, Note: "works at the help desk", NoteJA: "ヘルプデスクの担当者"},
		{Username: "dave", First: "Dave", Address: "dave@example.net", operator: true, Note: "works at the help desk, too", NoteJA: "ヘルプデスクの担当者（2人目）"},
		{Username: "erin", First: "Erin", Address: "erin@example.net", Note: "never had an authenticator", NoteJA: "認証アプリ未登録"},
	}
	for i := range people {
		p := &people[i]
		p.Password = realm.Password(p.Username)
		if p.Username != "erin" {
			p.Old = realm.Secret(p.Username)
		}
	}
	return people
}

// had is what the person signed in with until now, "" = nothing but the password.
func (p person) had() string {
	if p.Old == "" {
		return ""
	}
	return oldPhone
}

// numberAttribute holds the number on record; administrators alone edit it.
const numberAttribute = "phone"

// marksAttribute says when addresses were confirmed and changed in the settings; the configuration's default.
const marksAttribute = "notificationEmailConfirmed"

// oldPhone is the label of the lost authenticator in the realm file.
const oldPhone = "old phone"
