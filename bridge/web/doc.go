// Package web is the browser's side of otpbridge: routes, browser sessions, and one handler per page and form. It decides nothing
// about recoveries; it asks bridge.Flow and shows the page that bridge.Next names.
package web
