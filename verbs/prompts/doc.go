// Package prompts holds the sentences that the engine says on its own account, such as "That is not a valid choice.",
// in one text file for each language, by name.
//
// Read [Lookup]. Dialects and operations may import it; it imports nothing of ours. Its test reads every file.
package prompts
