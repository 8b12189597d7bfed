import type { Language } from "./bindings";
import { messagesOf } from "./messages";

/** Numbers as people of a language read them. */
export function number(value: number, lang: Language, digits = 0): string {
  return new Intl.NumberFormat(lang, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

function unit(value: number, name: string, lang: Language, digits: number): string {
  return new Intl.NumberFormat(lang, {
    style: "unit",
    unit: name,
    unitDisplay: "short",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(value);
}

/** A time: `9.4 ms` where it is very short and `fine` is asked for, `0.42 sec`, `2 min 5 sec`, `3 hr 12 min`. */
export function duration(ms: number, lang: Language, fine = false): string {
  if (fine && ms < 1000) {
    return unit(ms, "millisecond", lang, ms < 100 ? 1 : 0);
  }
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 59.95) {
    return unit(seconds, "second", lang, seconds < 9.995 ? 2 : 1);
  }
  const whole = Math.floor(seconds + 0.05);
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), "day"],
    [Math.floor(whole / 3600) % 24, "hour"],
    [Math.floor(whole / 60) % 60, "minute"],
    [whole % 60, "second"],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(first, first + 2)
    .map(([value, name]) => unit(value, name, lang, 0))
    .join(" ");
}

/** A time that is only guessed, in whole seconds and never none. */
export function roughly(ms: number, lang: Language): string {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? unit(seconds, "second", lang, 0) : duration(seconds * 1000, lang);
}

/** A size in decimal units, as file managers show it; one that is only guessed has no decimals, but for gigabytes. */
export function size(bytes: number, lang: Language, isGuess = false): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  let value = bytes;
  let at = 0;
  while (value >= 999.95 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return unit(value, units[at] ?? "byte", lang, at === 0 || (isGuess && at < 3) ? 0 : 1);
}

/** A share, 0 to 1, in whole percent; all of it only when nothing is missing. */
export function percent(share: number, lang: Language): string {
  return new Intl.NumberFormat(lang, { style: "percent" }).format(Math.floor(share * 100 + 1e-9) / 100);
}

/** Words in a row: `a, b, and c`. */
export function list(words: readonly string[], lang: Language): string {
  return new Intl.ListFormat(lang, { type: "conjunction" }).format(words);
}

/** Whole sentences after each other: with a space between them where the language has one there. */
export function sentences(parts: readonly string[], lang: Language): string {
  return parts.join(lang === "ja" ? "" : " ");
}

/** When something was today, to the second: `12:03:04`. */
export function timeOfDay(ms: number, lang: Language): string {
  return new Intl.DateTimeFormat(lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(ms);
}

/**
 * How long ago a moment was: `just now` in the last minute, else `5 minutes ago`, `yesterday`, `3 weeks ago`. Where it is
 * asked for `fine`, the last minute is told in seconds.
 */
export function ago(ms: number, lang: Language, fine = false): string {
  const steps: [number, Intl.RelativeTimeFormatUnit][] = [
    [60, "second"],
    [60, "minute"],
    [24, "hour"],
    [7, "day"],
    [4.35, "week"],
    [12, "month"],
    [Infinity, "year"],
  ];
  let value = Math.max(0, ms) / 1000;
  for (const [size, unit] of steps) {
    if (value < size) {
      if (unit === "second" && !fine) {
        return messagesOf(lang).justNow;
      }
      const whole = Math.floor(value);
      return new Intl.RelativeTimeFormat(lang, { numeric: "auto" }).format(-whole, unit);
    }
    value /= size;
  }
  return "";
}
