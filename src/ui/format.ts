/** Numbers and times for people. */
import type { Volume } from '../engine/model.ts';
import { say, shown, type Shown } from './shown.ts';

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** Bytes in steps of 1000, as Docker prints them: `12.3 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** How long ago an ISO time was, in words. */
export function formatAge(iso: string, now: number = Date.now()): Shown {
  const minutes = Math.max(0, Math.floor((now - Date.parse(iso)) / 60_000));
  if (Number.isNaN(minutes)) return shown('');
  if (minutes < 1) return say('just now');
  if (minutes < 60) return say('{0} min ago', minutes);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return say('{0} h ago', hours);
  return say('{0} days ago', Math.floor(hours / 24));
}

/** How far ahead a time is, in milliseconds since 1970, in words. */
export function formatAhead(time: number, now: number = Date.now()): Shown {
  const minutes = Math.ceil((time - now) / 60_000);
  if (minutes <= 0) return say('now');
  if (minutes < 60) return say('in {0} min', minutes);
  const hours = Math.round(minutes / 60);
  if (hours < 48) return say('in {0} h', hours);
  return say('in {0} days', Math.round(hours / 24));
}

/** A volume's label, with its size if that is known. */
export function labelWithSize({ label, size }: Volume): string {
  return size === null ? label : `${label} (${formatBytes(size)})`;
}
