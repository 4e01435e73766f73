/** Numbers and times for people. */
import * as vscode from 'vscode';

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
export function formatAge(iso: string, now: number = Date.now()): string {
  const minutes = Math.max(0, Math.floor((now - Date.parse(iso)) / 60_000));
  if (Number.isNaN(minutes)) return '';
  if (minutes < 1) return vscode.l10n.t('just now');
  if (minutes < 60) return vscode.l10n.t('{0} min ago', minutes);
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return vscode.l10n.t('{0} h ago', hours);
  return vscode.l10n.t('{0} days ago', Math.floor(hours / 24));
}

/** How far ahead a time is, in milliseconds since 1970, in words. */
export function formatAhead(time: number, now: number = Date.now()): string {
  const minutes = Math.ceil((time - now) / 60_000);
  if (minutes <= 0) return vscode.l10n.t('now');
  if (minutes < 60) return vscode.l10n.t('in {0} min', minutes);
  const hours = Math.round(minutes / 60);
  if (hours < 48) return vscode.l10n.t('in {0} h', hours);
  return vscode.l10n.t('in {0} days', Math.round(hours / 24));
}
