import type { Language } from "../bindings";
import { en } from "./en";
import { ja } from "./ja";
import type { Messages } from "./table";

export type { Messages } from "./table";

/** The words of a language. */
export function messagesOf(lang: Language): Messages {
  return lang === "ja" ? ja : en;
}
