package twiml

import (
	"regexp"
	"strings"
)

// defaultLanguage of a Say that names none.
const defaultLanguage = "en-US"

// languages that a Say may name.
var languages = strings.Fields(`af-ZA am-ET ar-AE ar-XA arb bg-BG bn-IN ca-ES cmn-CN cmn-TW cs-CZ cy-GB da-DK de-AT
	de-CH de-DE el-GR en-AU en-CA en-GB en-GB-WLS en-IE en-IN en-NZ en-PH en-SG en-US en-ZA es-ES es-MX es-US et-EE eu-ES
	fi-FI fil-PH fr-BE fr-CA fr-FR gl-ES gu-IN he-IL hi-IN hr-HR hu-HU id-ID is-IS it-IT ja-JP kn-IN ko-KR lt-LT lv-LV
	ml-IN mr-IN ms-MY nb-NO nl-BE nl-NL pa-IN pl-PL pt-BR pt-PT ro-RO ru-RU sk-SK sl-SI sr-RS sv-SE ta-IN te-IN th-TH
	tr-TR uk-UA ur-IN vi-VN yue-CN yue-HK zh-CN zh-HK zh-TW`)

// shortLanguages are the old forms without a country, and those whose country is not the first in the list.
var shortLanguages = map[string]string{"en": "en-US", "de": "de-DE", "es": "es-ES", "fr": "fr-FR", "pt": "pt-BR",
	"nl": "nl-NL", "zh": "zh-CN", "ar": "arb", "cmn": "cmn-CN", "da": "da-DK", "it": "it-IT", "no": "nb-NO"}

// languageOf finds a language however its letters are cased; empty if it is not known.
func languageOf(s string) string {
	s = strings.ReplaceAll(s, "_", "-")
	for _, l := range languages {
		if strings.EqualFold(l, s) {
			return l
		}
	}
	if l := shortLanguages[strings.ToLower(s)]; l != "" {
		return l
	}
	if len(s) == 2 {
		for _, l := range languages {
			if strings.EqualFold(l[:2], s) && l[2:3] == "-" {
				return l
			}
		}
	}
	return ""
}

// pollyVoices are the voices of Polly.<Name>, by language.
var pollyVoices = voicesByName(`arb:Zeina ar-AE:Hala,Zayd ca-ES:Arlet cmn-CN:Zhiyu cs-CZ:Jitka cy-GB:Gwyneth
	da-DK:Mads,Naja,Sofie de-AT:Hannah de-CH:Sabrina de-DE:Hans,Marlene,Vicki,Daniel en-AU:Nicole,Russell,Olivia
	en-GB:Amy,Brian,Emma,Arthur en-GB-WLS:Geraint en-IE:Niamh en-IN:Raveena,Aditi,Kajal en-NZ:Aria en-SG:Jasmine
	en-US:Danielle,Gregory,Ivy,Joanna,Joey,Justin,Kendra,Kevin,Kimberly,Matthew,Patrick,Ruth,Salli,Stephen en-ZA:Ayanda
	es-ES:Conchita,Enrique,Lucia,Sergio,Alba,Raul es-MX:Mia,Andres es-US:Lupe,Miguel,Penelope,Pedro fi-FI:Suvi
	fr-BE:Isabelle fr-CA:Chantal,Gabrielle,Liam fr-FR:Celine,Lea,Mathieu,Remi is-IS:Dora,Karl
	it-IT:Bianca,Carla,Giorgio,Adriano,Beatrice,Lorenzo ja-JP:Mizuki,Takumi,Kazuha,Tomoko ko-KR:Seoyeon,Jihye
	nb-NO:Liv,Ida nl-BE:Lisa nl-NL:Lotte,Ruben,Laura pl-PL:Ewa,Jacek,Jan,Maja,Ola pt-BR:Camila,Ricardo,Vitoria,Thiago
	pt-PT:Cristiano,Ines ro-RO:Carmen ru-RU:Maxim,Tatyana sv-SE:Astrid,Elin tr-TR:Filiz,Burcu yue-CN:Hiujin`)

func voicesByName(table string) map[string]string {
	m := map[string]string{}
	for _, row := range strings.Fields(table) {
		lang, names, _ := strings.Cut(row, ":")
		for _, n := range strings.Split(names, ",") {
			m["polly."+strings.ToLower(n)] = lang
		}
	}
	return m
}

var googleVoice = regexp.MustCompile(`^(?i:google)\.([A-Za-z]{2,3}-[A-Za-z]{2})-[A-Za-z0-9]+(-[A-Za-z0-9-]+)?$`)

// voiceLanguage finds the language that a voice's name implies. ok is false for a voice that does not exist; the three
// old ones speak every language, so theirs is empty.
func voiceLanguage(voice string) (lang string, ok bool) {
	v := strings.ToLower(voice)
	switch v {
	case "man", "woman", "alice":
		return "", true
	}
	if m := googleVoice.FindStringSubmatch(voice); m != nil {
		lang = languageOf(m[1])
		return lang, lang != ""
	}
	for _, suffix := range []string{"-neural", "-generative", "-long-form"} {
		v = strings.TrimSuffix(v, suffix)
	}
	lang, ok = pollyVoices[v]
	return lang, ok
}

// voice reads the voice and the language of a Say. A voice that does not exist gives way to that of the language.
func (e *element) voice(code int) (voice, lang string) {
	voice = e.str("voice")
	implied, ok := voiceLanguage(voice)
	if voice != "" && !ok {
		e.warn(code, "voice", "voice=%q of <Say> is not known; the voice of the language speaks", clip(voice))
		voice = ""
	}
	written := e.str("language")
	if !e.has("language") || written == "" {
		if implied != "" {
			return voice, implied
		}
		return voice, defaultLanguage
	}
	if lang = languageOf(written); lang == "" {
		lang = e.bad(codeSayLanguage, "language", "a known language")
	}
	return voice, lang
}
