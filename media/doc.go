// Package media holds the sound of a call as 20 ms frames of mono PCM and the
// stages that frames pass through: sources, taps, resamplers, detectors, and
// the pacer that asks every leg for its next frame on time.
//
// Read [Source] first: all sound that is sent is pulled from one, by the
// pacer, once every 20 ms. Nothing in that path waits, allocates or logs.
//
// Every package below media may import this one; it imports only the standard
// library and knows neither RTP, SIP nor verbs. Tests run in virtual time
// (testing/synctest); allocation budgets are tests too.
package media
