package tts

import "strings"

// Gender of a voice.
type Gender uint8

// Genders; the zero value leaves the choice to the engine.
const (
	AnyGender Gender = iota
	Female
	Male
)

// Voice is what is known about a voice that a document asked for.
type Voice struct {
	Language string // such as "en-US"; never empty after Lookup
	Gender   Gender
	Own      string // an engine's own name, when the document named it as "flite.rms" or "espeak-ng.en+f3"
	Engine   string // the engine meant by Own
}

const defaultLanguage = "en-US"

// Lookup finds out what a voice's name says: "man", "woman", "alice", "male/en-GB" and "female/en-GB" (Kazoo),
// "Polly.NAME" and "Google.NAME", or ENGINE.NAME for an engine of this package. A language that is given wins over that
// of the name. Unknown names say nothing, and never fail.
func Lookup(name, language string) Voice {
	v := named(strings.TrimSpace(name))
	if language = strings.TrimSpace(language); language != "" {
		v.Language = language
	}
	if v.Language == "" {
		v.Language = defaultLanguage
	}
	v.Language = strings.ReplaceAll(v.Language, "_", "-")
	return v
}

func named(name string) Voice {
	lower := strings.ToLower(name)
	switch lower {
	case "man", "male":
		return Voice{Gender: Male}
	case "woman", "female", "alice":
		return Voice{Gender: Female}
	}
	if g, language, ok := strings.Cut(lower, "/"); ok && (g == "male" || g == "female") {
		v := named(g)
		v.Language = language
		return v
	}
	vendor, own, _ := strings.Cut(lower, ".")
	switch vendor {
	case "polly":
		own, _, _ = strings.Cut(own, "-")
		return pollyVoices[own]
	case "google":
		return google(name[len("google."):])
	case fliteName, espeakName:
		return Voice{Engine: vendor, Own: own}
	}
	return Voice{}
}

// google reads names such as en-US-Wavenet-A or de-DE-Chirp3-HD-Kore. Letters alternate in most languages; in American
// English they do not.
func google(name string) Voice {
	parts := strings.Split(name, "-")
	if len(parts) < 3 {
		return Voice{}
	}
	v := Voice{Language: parts[0] + "-" + parts[1], Gender: Female}
	letter := strings.ToUpper(parts[len(parts)-1])
	males := "BD"
	if strings.EqualFold(v.Language, defaultLanguage) {
		males = "ABDIJ"
	}
	if len(letter) == 1 && strings.Contains(males, letter) || googleMales[strings.ToLower(letter)] {
		v.Gender = Male
	}
	return v
}

// googleMales are the male ones among the voices with names.
var googleMales = set("achird algenib algieba alnilam charon enceladus fenrir iapetus orus puck rasalgethi sadachbia " +
	"sadaltager schedar umbriel zubenelgenubi")

// pollyVoices has language and gender of Amazon's voices.
var pollyVoices = func() map[string]Voice {
	out := map[string]Voice{}
	for language, names := range map[string][2]string{ // female, male
		"arb": {"zeina", ""}, "ar-AE": {"hala", "zayd"}, "ca-ES": {"arlet", ""}, "cs-CZ": {"jitka", ""},
		"cmn-CN": {"zhiyu", ""}, "yue-CN": {"hiujin", ""}, "cy-GB": {"gwyneth", ""}, "da-DK": {"naja sofie", "mads"},
		"de-AT": {"hannah", ""}, "de-CH": {"sabrina", ""}, "de-DE": {"marlene vicki", "hans daniel"},
		"en-AU": {"nicole olivia", "russell"}, "en-GB": {"amy emma", "brian arthur"}, "en-GB-WLS": {"", "geraint"},
		"en-IE": {"niamh", ""}, "en-IN": {"aditi raveena kajal", ""}, "en-NZ": {"aria", ""}, "en-SG": {"jasmine", ""},
		"en-US": {"ivy joanna kendra kimberly salli danielle ruth tiffany",
			"joey justin kevin matthew gregory stephen patrick"},
		"en-ZA": {"ayanda", ""}, "es-ES": {"conchita lucia alba", "enrique sergio raul"}, "es-MX": {"mia", "andres"},
		"es-US": {"lupe penelope", "miguel pedro"}, "fi-FI": {"suvi", ""}, "fr-BE": {"isabelle", ""},
		"fr-CA": {"chantal gabrielle", "liam"}, "fr-FR": {"celine lea ambre", "mathieu remi florian"},
		"is-IS": {"dora", "karl"}, "it-IT": {"carla bianca beatrice", "giorgio adriano lorenzo"},
		"ja-JP": {"mizuki kazuha tomoko", "takumi"}, "ko-KR": {"seoyeon jihye", ""}, "nb-NO": {"liv ida", ""},
		"nl-BE": {"lisa", ""}, "nl-NL": {"lotte laura", "ruben"}, "pl-PL": {"ewa maja ola", "jacek jan"},
		"pt-BR": {"vitoria camila", "ricardo thiago"}, "pt-PT": {"ines", "cristiano"}, "ro-RO": {"carmen", ""},
		"ru-RU": {"tatyana", "maxim"}, "sv-SE": {"astrid elin", ""}, "tr-TR": {"filiz burcu", ""},
	} {
		for i, g := range []Gender{Female, Male} {
			for _, n := range strings.Fields(names[i]) {
				out[n] = Voice{Language: language, Gender: g}
			}
		}
	}
	return out
}()

func set(words string) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(words) {
		out[w] = true
	}
	return out
}

// fliteVoices are those of the module and of the program alike.
var fliteVoices = set("kal kal16 slt rms awb")

// fliteVoice picks a voice of flite, which speaks English alone: slt is a woman, rms a man, awb a man from Scotland.
func fliteVoice(v Voice) (string, bool) {
	if v.Engine == fliteName && fliteVoices[v.Own] {
		return v.Own, true
	}
	base, region, _ := strings.Cut(strings.ToLower(v.Language), "-")
	switch {
	case base != "en":
		return "", false
	case v.Gender != Male:
		return "slt", true
	case region == "gb" || region == "ie" || region == "gb-wls" || region == "au" || region == "nz":
		return "awb", true
	}
	return "rms", true
}
