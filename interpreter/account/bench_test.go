package account_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pintle/interpreter/account"
	"pintle/interpreter/memstore"
)

// large is an account of 5,000 people with two telephones, an extension and a mailbox each.
func large() account.File {
	var b strings.Builder
	b.WriteString("accounts:\n  name: Large\n  realm: large.example\n  users:\n")
	const people = 5000
	for i := range people {
		fmt.Fprintf(&b, "    u%d: {first_name: F%d, last_name: L%d, hotdesk: {id: \"%d\"}}\n", i, i, i, 10000+i)
	}
	b.WriteString("  devices:\n")
	for i := range 2 * people {
		fmt.Fprintf(&b, "    d%d: {name: Phone %[1]d, owner_id: u%[2]d, sip: {username: p%[1]d, password: secret-%[1]d}}\n",
			i, i/2)
	}
	b.WriteString("  vmboxes:\n")
	for i := range people {
		fmt.Fprintf(&b, "    b%d: {mailbox: \"%d\", name: Box %d, owner_id: u%d}\n", i, 10000+i, i, i)
	}
	b.WriteString("  callflows:\n")
	for i := range people {
		fmt.Fprintf(&b, "    - {numbers: [\"%d\"], flow: {module: user, data: {id: u%d}, children: {_: "+
			"{module: voicemail, data: {id: b%d}}}}}\n", 10000+i, i, i)
	}
	return account.File{Name: "large.yaml", Body: []byte(b.String()), Config: true}
}

// BenchmarkLoad reads the large account: what a start and a reload cost.
func BenchmarkLoad(b *testing.B) {
	f := large()
	var book *account.Book
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		var err error
		if book, err = account.Open(context.Background(), nil, f); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/10000, "B/device")
	runtime.KeepAlive(book)
}

// BenchmarkChange switches do-not-disturb of one user after the other.
func BenchmarkChange(b *testing.B) {
	book, err := account.Open(context.Background(), memstore.NewRecords(), large())
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		user := fmt.Sprintf("u%d", i%5000)
		if err := book.SetDoNotDisturb(context.Background(), "", account.KindUser, user, i%2 == 0); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPut makes telephones one after the other.
func BenchmarkPut(b *testing.B) {
	book, err := account.Open(context.Background(), memstore.NewRecords(), large())
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		id := fmt.Sprintf("new%d", i)
		body := fmt.Sprintf(`{"name":"N","sip":{"username":"new%d","password":"secret-n"}}`, i)
		if _, err := book.Put(context.Background(), "", account.KindDevice, id, []byte(body)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLogin finds the telephone of a log-in, as each request of it does.
func BenchmarkLogin(b *testing.B) {
	book, err := account.Open(context.Background(), nil, large())
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		if _, _, err := book.Login("large.example", "p77"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHunt finds the callflow of an extension, and of a number that no pattern fits.
func BenchmarkHunt(b *testing.B) {
	book, err := account.Open(context.Background(), nil, large())
	if err != nil {
		b.Fatal(err)
	}
	v := book.Accounts()[0]
	for b.Loop() {
		if _, err := v.Hunt("12345", account.Exactly); err != nil {
			b.Fatal(err)
		}
		if _, err := v.Hunt("99999", account.Exactly); err == nil {
			b.Fatal("found")
		}
	}
}
