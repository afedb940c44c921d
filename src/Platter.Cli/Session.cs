using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Platter.Cli.Output;
using Platter.Cli.Shell;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Images;
using Platter.Trees;

namespace Platter.Cli;

/// <summary>What one run of a verb has to do with: its arguments, where its output goes, how it opens images.</summary>
internal sealed class Session : IDisposable
{
    private bool _isTerminalKnown;
    private readonly ShellContext? _shell;
    private CancellationTokenSource? _cancel;
    private PosixSignalRegistration? _interrupt, _terminate, _hangUp;
    private ProgressReport? _progress;
    private TimeProvider? _clock;
    private EfsKeys? _efsKeys;

    public Session(ParsedArguments arguments, TextOut output, TextOut error, ShellContext? shell)
    {
        Arguments = arguments;
        Out = output;
        Error = error;
        _shell = shell;
        Json = arguments.Has(GlobalOptions.Json);
        Quiet = arguments.Has(GlobalOptions.Quiet);
        Verbose = arguments.Has(GlobalOptions.Verbose);
    }

    public ParsedArguments Arguments { get; }

    public string[] Words => Arguments.Words;

    /// <summary>The words between the image and the destination.</summary>
    public string[] WordsBetween => Part(1, Words.Length - 2);

    /// <summary>The words from here on.</summary>
    public string[] WordsFrom(int first) => Part(first, Words.Length - first);

    // Not as a range, whose types would be prepared at every start.
    private string[] Part(int first, int count)
    {
        var part = new string[count];
        Array.Copy(Words, first, part, 0, count);
        return part;
    }

    public TextOut Out { get; }

    public TextOut Error { get; }

    public bool Json { get; }
    public bool Quiet { get; }
    public bool Verbose { get; }

    public bool Literal => Arguments.Has(GlobalOptions.Literal);
    public bool Force => Arguments.Has(GlobalOptions.Force);

    public Paint Paint => field ??= new Paint(WantsColor(Arguments));

    /// <summary>The image that is worked on, as it was typed: what error lines start with.</summary>
    public string? Subject { get; set; }

    /// <summary>Whether an image was opened: what is wrong then is wrong in what it holds, and a check can tell more.</summary>
    public bool HasOpened { get; private set; }

    /// <summary>Whether somebody watches standard output.</summary>
    public bool IsTerminal
    {
        get
        {
            // Asked for each name that is shown: the system is asked once.
            if (!_isTerminalKnown)
                (field, _isTerminalKnown) = (StandardStream.IsTerminal(1), true);
            return field;
        }
    }

    /// <summary>Ends with Ctrl-C. Whoever does not ask for it is simply ended by the system: nothing can be half-done in an image.</summary>
    public CancellationToken Cancellation
    {
        get
        {
            if (_cancel is null)
            {
                _cancel = new CancellationTokenSource();
                _interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
                _terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
                _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Cancel);       // the terminal was closed, or the connection to it
            }
            return _cancel.Token;
        }
    }

    /// <summary>Ends the verb here if Ctrl-C was pressed since <see cref="Cancellation"/> was asked for.</summary>
    public void StopIfCancelled()
    {
        if (_cancel is not null)
            StopIfCancelled(_cancel);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StopIfCancelled(CancellationTokenSource cancel) => cancel.Token.ThrowIfCancellationRequested();

    /// <summary>The clock: that of the system, or one that stands still at SOURCE_DATE_EPOCH.</summary>
    public TimeProvider Clock => _clock ??= Epoch is { } epoch ? StandAt(epoch) : TimeProvider.System;

    private static StandingClock StandAt(Timestamp time) => new(time.ToDateTimeOffset());

    /// <summary>SOURCE_DATE_EPOCH (reproducible-builds.org), or null.</summary>
    public static Timestamp? Epoch
    {
        get
        {
            var text = Environment.GetEnvironmentVariable("SOURCE_DATE_EPOCH");
            return string.IsNullOrEmpty(text) ? null : ParseEpoch(text);
        }
    }

    private static Timestamp ParseEpoch(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
        ? new Timestamp(seconds)
        : throw new UsageException($"SOURCE_DATE_EPOCH is '{SafeText.OneLine(text)}': expected seconds since 1970");

    public VolumeOptions VolumeOptions => OptionsFor(edit: true);

    // Who reads needs no clock: neither the variable nor the system's is looked at.
    private VolumeOptions OptionsFor(bool edit) => new()
    {
        OemCodePage = Arguments.Number(GlobalOptions.CodePage) ?? 437,
        UtcOffset = UtcOffset(),
        Clock = edit ? Clock : null,
        DiscardJournal = Arguments.Has(GlobalOptions.DiscardJournal),
        IgnoreHibernation = Arguments.Has(GlobalOptions.IgnoreHibernation),
        RawEncrypted = Arguments.Has(GlobalOptions.RawEncrypted),
        EfsKeys = Arguments.Text(GlobalOptions.EfsKey) is { } path ? _efsKeys ??= EfsKeyChoice.Open(path, Arguments) : null,
        SpecialFiles = Arguments.Text(GlobalOptions.SpecialFiles) == "interix" ? SpecialFileForm.Interix : SpecialFileForm.Wsl,
        SymbolicLinks = Arguments.Text(GlobalOptions.Symlinks) switch
        {
            "junction" => SymbolicLinkForm.Junction, "wsl" => SymbolicLinkForm.Wsl, "interix" => SymbolicLinkForm.Interix, _ => SymbolicLinkForm.Windows,
        },
        WslMetadata = Arguments.Has(GlobalOptions.WslMetadata),
    };

    public DiskImageOptions DiskOptions => DiskOptionsFor(edit: true);

    private DiskImageOptions DiskOptionsFor(bool edit) => new()
    {
        Image = new ImageOptions { Force = Force, AsRaw = Arguments.Has(GlobalOptions.AsRaw) },
        Volume = OptionsFor(edit),
    };

    /// <summary>Where long work says how far it is; null when nobody wants to know.</summary>
    public IProgress<WorkProgress>? Progress
    {
        get
        {
            if (_progress is null && !Quiet)
            {
                var how = Arguments.Has(GlobalOptions.NoProgress) ? "none" : Arguments.Text(GlobalOptions.Progress) ?? "auto";
                if (how == "json" || (how == "auto" && !Json && StandardStream.IsCapableTerminal(2)))
                    StartProgress(how);
            }
            return _progress;
        }
    }

    private void StartProgress(string how) => _progress = new ProgressReport(Error, asJson: how == "json", StandardStream.Columns(2));

    public static bool WantsColor(ParsedArguments arguments) => arguments.Text(GlobalOptions.Color) switch
    {
        "always" => true,
        "never" => false,
        _ => !arguments.Has(GlobalOptions.Json) && StandardStream.IsCapableTerminal(1) && string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR")),
    };

    /// <summary>Opens an image for reading.</summary>
    public (DiskImage Disk, int? Partition) OpenDisk(string address)
    {
        var at = Address(address);
        return (Open(at, edit: false), at.Partition);
    }

    /// <summary>Opens an image for editing.</summary>
    public (DiskImage Disk, int? Partition) EditDisk(string address)
    {
        var at = Address(address);
        return (Open(at, edit: true), at.Partition);
    }

    public OpenedVolume<Volume> OpenVolume(string address)
    {
        var at = Address(address);
        var disk = Open(at, edit: false);
        try
        {
            return new OpenedVolume<Volume>(disk, disk.OpenVolume(at.Partition));
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    }

    public OpenedVolume<EditableVolume> EditVolume(string address)
    {
        var at = Address(address);
        var disk = Open(at, edit: true);
        try
        {
            return new OpenedVolume<EditableVolume>(disk, disk.OpenVolumeForEditing(at.Partition));
        }
        catch
        {
            disk.Dispose();
            throw;
        }
    }

    /// <summary>A path inside the image as typed, made absolute: relative ones start at the root, or where the shell is.</summary>
    public string Inside(string path) => InsidePath.Normalize(path, _shell?.Folder ?? "/");

    /// <summary>The paths that are meant: globs expanded, unless <c>--literal</c>.</summary>
    public string[] Expand(Volume volume, string[] paths) => paths is [var only] ? Meant(volume, only) : ExpandAll(volume, paths);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private string[] ExpandAll(Volume volume, string[] paths) => [.. paths.SelectMany(path => Meant(volume, path))];

    private string[] Meant(Volume volume, string path) => Literal ? [Inside(path)] : InsideGlob.Expand(volume, Inside(path));

    /// <summary>A name from the image as it may be shown: as it is to a file or pipe, without control characters to a terminal.</summary>
    public string Show(string name) => IsTerminal ? SafeText.Show(name) : name;

    /// <summary>A line for people who want to know; not with <c>-q</c>, and never on standard output.</summary>
    public void Say(string text)
    {
        if (Quiet)
            return;
        _progress?.Clear();
        Error.WriteLine(SafeText.OneLine(text));
        Error.Flush();
    }

    public void SayMore(string text)
    {
        if (Verbose)
            Say(text);
    }

    public void EndProgress() => _progress?.Clear();

    /// <summary>Tells what a copy could not keep, and ends with an error when entries could not be copied at all.</summary>
    public void Finish(CopyReport report, bool committed)
    {
        EndProgress();
        CopySummary.Say(this, report, committed);
    }

    public void Dispose()
    {
        EndProgress();
        _interrupt?.Dispose();
        _terminate?.Dispose();
        _hangUp?.Dispose();
        _cancel?.Dispose();
        if (_efsKeys is not null)
            Forget(_efsKeys);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(EfsKeys keys) => keys.Dispose();

    private ImageAddress Address(string address) => address.Length > 0 ? ImageAddress.Parse(Subject = address) : throw new UsageException("the image's name is empty");

    private DiskImage Open(ImageAddress address, bool edit)
    {
        try
        {
            var disk = edit ? DiskImage.OpenForEditing(address, DiskOptions) : DiskImage.Open(address, DiskOptionsFor(edit: false));
            HasOpened = true;
            return disk;
        }
        catch (UnauthorizedAccessException) when (Directory.Exists(address.Path))
        {
            throw new CommandException(ExitCode.Refused, null, "it is a folder, not a disk image");
        }
    }

    private void Cancel(PosixSignalContext context)
    {
        // A second Ctrl-C doesn't wait for the first one to be honoured.
        if (_cancel!.IsCancellationRequested)
            return;
        context.Cancel = true;
        _cancel.Cancel();
    }

    private TimeSpan UtcOffset() => Arguments.Text(GlobalOptions.UtcOffset) is { } text ? UtcOffset(text) : TimeSpan.Zero;

    private static TimeSpan UtcOffset(string text)
    {
        try
        {
            return TimeText.ParseOffset(text);
        }
        catch (FormatException e)
        {
            throw new UsageException($"--utc-offset: {e.Message}");
        }
    }

    private sealed class StandingClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}

/// <summary>A volume together with the disk below it; both end together, the volume first.</summary>
internal sealed class OpenedVolume<T>(DiskImage disk, T volume) : IDisposable
    where T : Volume
{
    public DiskImage Disk => disk;

    public T Volume => volume;

    public void Dispose()
    {
        Volume.Dispose();
        Disk.Dispose();
    }
}
