/**
 * The only door to the faces of VS Code. No other file calls an API that shows something (lint enforces it). Everything
 * here takes a `Shown`, so that no text from elsewhere becomes a link, an icon, Markdown or a line of its own.
 *
 * Found in VS Code's source and tried in its window: notifications make links of `[text](command:…)` (parseLinkedText);
 * so do the prompt and the problem of an input box, which make icons of `$(name)` too (renderQuickInputDescription);
 * quick picks, code lenses, the status bar and names of terminals make icons (renderLabelWithIcons); rows, titles,
 * dialogs, problems and decorations show text.
 */
import * as vscode from 'vscode';
import { markdownOf, type Markdown } from './markdown.ts';
import { asLabel, asMessage, asText, isEmpty, joined, visible, type Shown } from './shown.ts';

type Kind = 'Information' | 'Warning' | 'Error';

/** Returns the button itself, so that two buttons with one label can be told apart. */
async function showMessage(
  kind: Kind,
  message: string,
  options: vscode.MessageOptions,
  buttons: readonly Shown[],
): Promise<Shown | undefined> {
  const items = buttons.map((button) => ({ title: asLabel(button), button }));
  switch (kind) {
    case 'Information':
      return (await vscode.window.showInformationMessage(message, options, ...items))?.button;
    case 'Warning':
      return (await vscode.window.showWarningMessage(message, options, ...items))?.button;
    case 'Error':
      return (await vscode.window.showErrorMessage(message, options, ...items))?.button;
  }
}

/** A notification. Resolves to the button that was chosen. */
export function showInformation(message: Shown, ...buttons: Shown[]): Promise<Shown | undefined> {
  return showMessage('Information', asMessage(message), {}, buttons);
}

/** A notification. Resolves to the button that was chosen. */
export function showWarning(message: Shown, ...buttons: Shown[]): Promise<Shown | undefined> {
  return showMessage('Warning', asMessage(message), {}, buttons);
}

/** A notification. Resolves to the button that was chosen. */
export function showFailure(message: Shown, ...buttons: Shown[]): Promise<Shown | undefined> {
  return showMessage('Error', asMessage(message), {}, buttons);
}

/** A modal dialog. Resolves to the button that was chosen; undefined if it was closed. */
export function askInDialog(
  kind: 'Information' | 'Warning',
  question: Shown,
  detail: Shown | undefined,
  ...buttons: Shown[]
): Promise<Shown | undefined> {
  return showMessage(
    kind,
    asText(question),
    { modal: true, ...(detail === undefined ? {} : { detail: asText(detail) }) },
    buttons,
  );
}

/** A few words in the status bar, for a while. */
export function showBriefly(icon: string, text: Shown, ms: number): void {
  vscode.window.setStatusBarMessage(asLabel(text, icon), ms);
}

/** A row of a quick pick. The icon is our own, apart from what comes from elsewhere. */
export interface Choice {
  readonly icon?: string;
  readonly label: Shown;
  readonly description?: Shown;
  readonly detail?: Shown;
}

/** A heading above the rows that follow. */
export interface Heading {
  readonly heading: Shown;
}

export interface PickLook {
  readonly title?: Shown;
  readonly placeHolder?: Shown;
  readonly matchOnDescription?: boolean;
  readonly matchOnDetail?: boolean;
}

interface Item<T> extends vscode.QuickPickItem {
  readonly choice?: T;
}

function itemOf<T extends Choice>(choice: T | Heading): Item<T> {
  if ('heading' in choice) return { label: asLabel(choice.heading), kind: vscode.QuickPickItemKind.Separator };
  const { icon, label, description, detail } = choice;
  return {
    label: asLabel(label, icon),
    ...(description === undefined ? {} : { description: asLabel(description) }),
    ...(detail === undefined || isEmpty(detail) ? {} : { detail: asLabel(detail) }),
    choice,
  };
}

function pickOptions({ title, placeHolder, ...rest }: PickLook): vscode.QuickPickOptions {
  return {
    ...rest,
    ...(title === undefined ? {} : { title: asText(title) }),
    ...(placeHolder === undefined ? {} : { placeHolder: asText(placeHolder) }),
  };
}

/** One of these; undefined if the list was closed. */
export async function pickOne<T extends Choice>(
  choices: readonly (T | Heading)[],
  look: PickLook,
): Promise<T | undefined> {
  return (await vscode.window.showQuickPick(choices.map(itemOf), pickOptions(look)))?.choice;
}

/** Several of these; undefined if the list was closed. */
export async function pickMany<T extends Choice>(choices: readonly T[], look: PickLook): Promise<T[] | undefined> {
  const chosen = await vscode.window.showQuickPick(
    choices.map((choice) => ({ ...itemOf(choice), choice })),
    { ...pickOptions(look), canPickMany: true },
  );
  return chosen?.map(({ choice }) => choice);
}

export interface RowButton {
  readonly icon: string;
  readonly tooltip: Shown;
}

/**
 * A list of rows with buttons. Resolves to the row, and to the button if one was pressed; undefined if it was closed.
 */
export function pickOrPress<T extends Choice, B extends RowButton>(
  choices: readonly ((T & { readonly buttons?: readonly B[] }) | Heading)[],
  look: PickLook & { readonly ignoreFocusOut?: boolean },
): Promise<{ readonly choice: T; readonly button?: B } | undefined> {
  type Button = vscode.QuickInputButton & { readonly own: B };
  const buttonOf = (own: B): Button => ({
    iconPath: new vscode.ThemeIcon(own.icon),
    tooltip: asText(own.tooltip),
    own,
  });
  const list = vscode.window.createQuickPick<Item<T>>();
  const { title, placeHolder, matchOnDescription, matchOnDetail, ignoreFocusOut } = look;
  if (title !== undefined) list.title = asText(title);
  if (placeHolder !== undefined) list.placeholder = asText(placeHolder);
  list.matchOnDescription = matchOnDescription ?? false;
  list.matchOnDetail = matchOnDetail ?? false;
  list.ignoreFocusOut = ignoreFocusOut ?? false;
  list.items = choices.map((choice) => ({
    ...itemOf<T>(choice),
    ...('heading' in choice ? {} : { buttons: choice.buttons?.map(buttonOf) ?? [] }),
  }));
  return new Promise((resolve) => {
    const done = (choice: T | undefined, button?: B) => {
      resolve(choice && { choice, ...(button === undefined ? {} : { button }) });
      list.dispose();
    };
    list.onDidTriggerItemButton(({ item, button }) => done(item.choice, (button as Button).own));
    list.onDidAccept(() => {
      const [row] = list.selectedItems;
      if (row !== undefined) done(row.choice);
    });
    list.onDidHide(() => done(undefined));
    list.show();
  });
}

export interface Question {
  readonly title?: Shown;
  readonly prompt?: Shown;
  readonly placeHolder?: string;
  /** The initial text, unescaped: it is edited, not read. */
  readonly value?: string;
  readonly valueSelection?: [number, number];
  readonly password?: boolean;
  readonly ignoreFocusOut?: boolean;
  /** Why a text is not accepted. */
  readonly validateInput?: (value: string) => Shown | undefined | Promise<Shown | undefined>;
}

/** A typed text; undefined if the user or `token` closed the box. */
export function askText(
  { title, prompt, placeHolder, validateInput, ...rest }: Question,
  token?: vscode.CancellationToken,
): Thenable<string | undefined> {
  const problemOf =
    validateInput &&
    (async (value: string) => {
      const problem = await validateInput(value);
      return problem && asMessage(problem);
    });
  const options: vscode.InputBoxOptions = {
    ...rest,
    ...(title === undefined ? {} : { title: asText(title) }),
    ...(prompt === undefined ? {} : { prompt: asMessage(prompt) }),
    ...(placeHolder === undefined ? {} : { placeHolder: visible(placeHolder) }),
    ...(problemOf === undefined ? {} : { validateInput: problemOf }),
  };
  return vscode.window.showInputBox(options, token);
}

export interface FileQuestion {
  readonly canSelectFiles?: boolean;
  readonly canSelectFolders?: boolean;
  readonly canSelectMany?: boolean;
  readonly openLabel?: Shown;
  readonly title?: Shown;
  readonly defaultUri?: vscode.Uri;
  readonly filter?: { readonly name: Shown; readonly extensions: string[] };
}

/** Files or folders of this machine; undefined if the dialog was closed. */
export function chooseFiles({ openLabel, title, filter, ...rest }: FileQuestion): Thenable<vscode.Uri[] | undefined> {
  return vscode.window.showOpenDialog({
    ...rest,
    ...(openLabel === undefined ? {} : { openLabel: asText(openLabel) }),
    ...(title === undefined ? {} : { title: asText(title) }),
    ...(filter === undefined ? {} : { filters: { [asText(filter.name)]: filter.extensions } }),
  });
}

/** Work under a notification that can be cancelled; `report` says how far it is. */
export function withProgress<T>(
  title: Shown,
  task: (report: (message: Shown) => void, token: vscode.CancellationToken) => Promise<T>,
): Thenable<T> {
  const options = { location: vscode.ProgressLocation.Notification, title: asMessage(title), cancellable: true };
  return vscode.window.withProgress(options, (progress, token) =>
    task((message) => progress.report({ message: asMessage(message) }), token),
  );
}

/** Work that a bar at the top of a view shows. */
export function withViewProgress<T>(viewId: string, task: () => Thenable<T>): Thenable<T> {
  return vscode.window.withProgress({ location: { viewId } }, task);
}

/** What a row of a tree shows and is. */
export interface RowLook {
  readonly label: Shown;
  readonly description?: Shown;
  readonly tooltip?: Shown;
  readonly collapsible: vscode.TreeItemCollapsibleState;
  readonly iconPath: vscode.ThemeIcon;
  readonly contextValue?: string;
  readonly resourceUri?: vscode.Uri;
  readonly command?: { readonly command: string; readonly title: Shown; readonly arguments: unknown[] };
}

/** A row. `id` keeps it open and chosen across snapshots. A screen reader says label and description. */
export function row(
  id: string,
  { label, description, tooltip, collapsible, iconPath, contextValue, resourceUri, command }: RowLook,
): vscode.TreeItem {
  const item = new vscode.TreeItem(asText(label), collapsible);
  item.id = id;
  item.iconPath = iconPath;
  if (contextValue !== undefined) item.contextValue = contextValue;
  if (description !== undefined) item.description = asText(description);
  if (tooltip !== undefined) item.tooltip = asText(tooltip);
  if (resourceUri !== undefined) item.resourceUri = resourceUri;
  if (command !== undefined) item.command = { ...command, title: asText(command.title) };
  item.accessibilityInformation = { label: asText(joined([label, description], ', ')) };
  return item;
}

/** Gives a row its tooltip, when it is looked at. */
export function withTooltip(item: vscode.TreeItem, tooltip: Markdown | undefined): vscode.TreeItem {
  // One without Markdown keeps its text.
  if (tooltip !== undefined) item.tooltip = markdownString(tooltip);
  return item;
}

/** A view, and a way to set the words beside its title. */
export function showTree<T>(
  id: string,
  options: vscode.TreeViewOptions<T>,
): {
  readonly view: Omit<vscode.TreeView<T>, 'description' | 'message' | 'title' | 'badge'>;
  readonly describe: (description: Shown | undefined) => void;
} {
  const view = vscode.window.createTreeView(id, options);
  return {
    view,
    describe: (description) => {
      view.description = description && asText(description);
    },
  };
}

/** Never makes links to commands or HTML; makes icons only if the text is ours. */
function markdownString(markdown: Markdown): vscode.MarkdownString {
  const { text, hasIcons } = markdownOf(markdown);
  const made = new vscode.MarkdownString(text, hasIcons);
  made.isTrusted = false;
  made.supportHtml = false;
  return made;
}

/** A hover of several parts. */
export function hover(parts: readonly Markdown[]): vscode.Hover {
  return new vscode.Hover(parts.map(markdownString));
}

export interface LensLook {
  readonly title: Shown;
  readonly tooltip?: Shown;
  readonly command: string;
  readonly arguments: unknown[];
}

/** A code lens. */
export function codeLens(range: vscode.Range, { title, tooltip, ...rest }: LensLook): vscode.CodeLens {
  return new vscode.CodeLens(range, {
    ...rest,
    title: asLabel(title),
    ...(tooltip === undefined ? {} : { tooltip: asText(tooltip) }),
  });
}

/** A problem in the Problems view and the editor. */
export class ShownDiagnostic extends vscode.Diagnostic {
  constructor(range: vscode.Range, message: Shown, severity: vscode.DiagnosticSeverity) {
    super(range, asText(message), severity);
  }
}

/** What fixes a problem: an edit or a command. */
export function quickFix(
  title: Shown,
  diagnostic: vscode.Diagnostic,
  what: { readonly edit: vscode.WorkspaceEdit } | { readonly command: string; readonly arguments: unknown[] },
): vscode.CodeAction {
  const fix = new vscode.CodeAction(asText(title), vscode.CodeActionKind.QuickFix);
  fix.diagnostics = [diagnostic];
  fix.isPreferred = true;
  if ('edit' in what) fix.edit = what.edit;
  else fix.command = { title: asText(title), command: what.command, arguments: what.arguments };
  return fix;
}

/** Badges on files. */
export function decorateFiles(
  onDidChange: vscode.Event<undefined>,
  decorationOf: (uri: vscode.Uri) => { readonly badge: string; readonly tooltip: Shown } | undefined,
): vscode.Disposable {
  return vscode.window.registerFileDecorationProvider({
    onDidChangeFileDecorations: onDidChange,
    provideFileDecoration: (uri) => {
      const found = decorationOf(uri);
      return found && { badge: found.badge, tooltip: asText(found.tooltip) };
    },
  });
}

/** An item of the status bar: texts, with icons of ours between them. */
export class StatusItem implements vscode.Disposable {
  readonly #item: vscode.StatusBarItem;

  constructor(id: string, name: Shown, priority: number) {
    this.#item = vscode.window.createStatusBarItem(id, vscode.StatusBarAlignment.Right, priority);
    this.#item.name = asText(name);
  }

  show(
    parts: readonly ({ readonly icon: string } | Shown)[],
    look: {
      readonly tooltip: Markdown;
      readonly spoken: Shown;
      readonly command: string;
      readonly title: Shown;
      readonly arguments: unknown[];
    },
  ): void {
    this.#item.text = parts.map((part) => ('icon' in part ? `$(${part.icon})` : asLabel(part))).join(' ');
    this.#item.tooltip = markdownString(look.tooltip);
    this.#item.accessibilityInformation = { label: asText(look.spoken) };
    this.#item.command = { command: look.command, title: asText(look.title), arguments: look.arguments };
    this.#item.show();
  }

  hide(): void {
    this.#item.hide();
  }

  dispose(): void {
    this.#item.dispose();
  }
}

/** A terminal with a shell of ours. What the shell writes is the shell's. */
export function openTerminal(name: Shown, icon: string, pty: vscode.Pseudoterminal): vscode.Terminal {
  const terminal = vscode.window.createTerminal({
    name: asLabel(name),
    pty,
    iconPath: new vscode.ThemeIcon(icon),
    isTransient: true,
  });
  terminal.show();
  return terminal;
}

export interface TerminalLinkLook {
  readonly startIndex: number;
  readonly length: number;
  readonly tooltip: Shown;
}

/** Links in terminals. VS Code escapes the Markdown of their tooltips itself. */
export function linkTerminals<T extends TerminalLinkLook>(
  linksOf: (line: string, terminal: vscode.Terminal) => Promise<readonly T[]>,
  open: (link: T) => Promise<void>,
): vscode.Disposable {
  type Link = vscode.TerminalLink & { readonly own: T };
  const provider: vscode.TerminalLinkProvider<Link> = {
    provideTerminalLinks: async ({ line, terminal }) =>
      (await linksOf(line, terminal)).map((own) => ({
        startIndex: own.startIndex,
        length: own.length,
        tooltip: asText(own.tooltip),
        own,
      })),
    handleTerminalLink: ({ own }) => open(own),
  };
  return vscode.window.registerTerminalLinkProvider(provider);
}

export type FileErrorKind =
  'FileNotFound' | 'FileExists' | 'FileNotADirectory' | 'FileIsADirectory' | 'NoPermissions' | 'Unavailable';

/** A failure of a file system: VS Code puts its message into notifications of its own. */
export function fileError(kind: FileErrorKind, message: Shown): vscode.FileSystemError {
  return vscode.FileSystemError[kind](asMessage(message));
}

/** An error with a message that VS Code or another caller can show as it is. Its kind and its fields stay. */
export function presentable(error: unknown, message: Shown): unknown {
  if (error instanceof Error) error.message = asMessage(message);
  return error;
}

/** The log: each message is one line, whatever it holds, so that a name cannot forge a line. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  /** A heading, and lines below it, each of which is one. */
  list(heading: string, lines: readonly string[]): void;
  show(preserveFocus?: boolean): void;
  dispose(): void;
}

/** Opens the output channel. */
export function openLog(name: string): Log {
  const channel = vscode.window.createOutputChannel(name, { log: true });
  return {
    debug: (message) => channel.debug(visible(message)),
    info: (message) => channel.info(visible(message)),
    warn: (message) => channel.warn(visible(message)),
    error: (message) => channel.error(visible(message)),
    // These lines are indented; the channel's own never are.
    list: (heading, lines) => channel.info([heading, ...lines.map((line) => `  ${line}`)].map(visible).join('\n')),
    show: (preserveFocus) => channel.show(preserveFocus),
    dispose: () => channel.dispose(),
  };
}
