using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Trees;

/// <summary>Copies a tree from a source to a sink: reading runs ahead of writing on a thread of its own, what the target cannot
/// hold is dropped and counted, an entry that cannot be copied is listed and the others go on.</summary>
public static class TreeCopier
{
    /// <summary>Copies everything.</summary>
    /// <remarks>Whatever ends the copy early, cancellation included, the target is consistent: the file being written has been
    /// undone, the ones before it are whole. A volume's edits since its last step commit are the caller's to commit or drop.</remarks>
    /// <exception cref="VolumeFullException">The target has no room; what was copied before stays.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="SourceFailureException">An entry could not be read, and <see cref="CopyOptions.StopAtFirstProblem"/> is set.</exception>
    public static CopyReport Copy(TreeSource source, TreeSink sink, CopyOptions options)
    {
        using var run = new CopyRun(source, sink, options);
        return run.Run();
    }
}

/// <summary>The writing half of one copy.</summary>
internal sealed class CopyRun : IDisposable
{
    private readonly TreeSource _source;
    private readonly TreeSink _sink;
    private readonly CopyOptions _options;
    private readonly CopyTally _tally = new();
    private readonly MetadataMapper _mapper;

    // From when there is more to copy than one small file.
    private CopyFeed? _feed;
    private CopyContent? _content;

    /// <summary>Directories that could not be made: what lies below them cannot be either.</summary>
    private HashSet<TreeEntry>? _lost;

    private long _lastProgress;
    private long _moved;

    public CopyRun(TreeSource source, TreeSink sink, CopyOptions options)
    {
        _source = source;
        _sink = sink;
        _options = options;
        _sink.Overwrite = options.Overwrite;
        _mapper = new MetadataMapper(sink.Capabilities, options, _tally, sink.WritesAs, sink.Capabilities.Has(Features.SecurityDescriptors) ? null : source.Surroundings);
    }

    public void Dispose()
    {
        _content?.Dispose();
        _feed?.Dispose();
    }

    public CopyReport Run()
    {
        if (_sink.WritesInOrder)
            _sink.Start(_options.CopyRootMetadata && _source.RootMetadata is { } top ? _mapper.Map(null, top) : null);
        if (LoneFile.TryRead(_source, _sink, _options, out var bytes) is { } lone)
            CopyLone(lone, bytes);
        else
            CopyAll();
        if (_options.CopyRootMetadata && !_sink.WritesInOrder && _source.RootMetadata is { } root)
            _sink.SetRootMetadata(_mapper.Map(null, root));
        _sink.Finish(_tally);
        ShowProgress(null, force: true);
        return _tally.ToReport();
    }

    private void CopyLone(TreeEntry entry, byte[] bytes)
    {
        using var content = new CopyContent(bytes);
        try
        {
            Count(_sink.AddFile(entry, _mapper.Map(entry, entry.Metadata), content), ref _tally.Files);
            _tally.Bytes = _moved = content.DataBytes;
        }
        catch (Exception e) when (!_options.StopAtFirstProblem && IsOfThisEntry(e))
        {
            _tally.Fail(entry, e);
        }
        _sink.Step(_options.CommitEvery);
    }

    [MemberNotNull(nameof(_feed), nameof(_content))]
    private void StartFeed()
    {
        var shared = _sink.WritesTo(_source);
        var reader = new CopyReader(_source, _sink.Capabilities, _options, snapshot: shared) { Outlines = _sink.WritesInOrder, Extents = _sink.TakesExtents };
        _feed = new CopyFeed(reader, this, _options.ReadAhead, threaded: !shared, _options.Cancellation);
        _content = new CopyContent(new CopyPieces(_feed));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CopyAll()
    {
        StartFeed();
        while (true)
        {
            _options.Cancellation.ThrowIfCancellationRequested();
            _feed.Next(out var message);
            if (message.Step == CopyStep.Finished)
                break;
            if (message.Entry.Parent is { } parent && _lost is not null && IsLost(parent))
                PassOver(message);
            else
                Handle(message);
            _sink.Step(_options.CommitEvery);
            ShowProgress(message.Entry);
        }
    }

    private void Handle(in CopyMessage message)
    {
        var entry = message.Entry;
        try
        {
            switch (message.Step)
            {
                case CopyStep.Entry when message.Fault is not null:
                    _feed!.Ring.Release(message.Charge);
                    throw new SourceFailureException(entry.Path, message.Fault);
                case CopyStep.Entry:
                    AddEntry(message);
                    break;
                case CopyStep.HardLink:
                    Count(_sink.AddHardLink(entry, (TreeEntry)message.Extra!), ref _tally.HardLinks);
                    break;
                case CopyStep.Attribute:
                    AddAttribute(message);
                    break;
                case CopyStep.Stream when message.Fault is not null:
                    throw new SourceFailureException(entry.Path, message.Fault);
                case CopyStep.Stream:
                    WithContent(message);
                    break;
            }
        }
        catch (Exception e) when (!_options.StopAtFirstProblem && IsOfThisEntry(e))
        {
            _tally.Fail(entry, e is SourceFailureException { InnerException: { } inner } ? inner : e);
            if (entry.Kind == EntryKind.Directory)
                Lose(entry);
        }
    }

    // In functions of their own, as far as one small file does not need them: the runtime prepares what a method names when it is first called.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Lose(TreeEntry directory) => (_lost ??= []).Add(directory);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool IsLost(TreeEntry directory) => _lost!.Contains(directory);

    private void AddAttribute(in CopyMessage message)
    {
        var (name, value) = (KeyValuePair<string, byte[]>)message.Extra!;
        if (_sink.AddExtendedAttribute(message.Entry, name, value))
            return;
        if (name == NtfsDescription.EfsName && message.Entry.Kind == EntryKind.File)
            throw new UnsupportedFeatureException($"{_sink.Description} can't hold the keys of this encrypted file ({name}, {value.Length} bytes): what was copied is ciphertext that nobody can read");
        _tally.Lose(LossKind.ExtendedAttributes, message.Entry);
    }

    private void AddStream(in CopyMessage message) => _sink.AddStream(message.Entry, (StreamName)message.Extra!, _content!);

    /// <summary>Whether the others can still be copied after this.</summary>
    private static bool IsOfThisEntry(Exception e) =>
        e is SourceFailureException or NameCollisionException or AlreadyExistsException or InvalidNameException or UnsupportedFeatureException
            or UnauthorizedAccessException or PathTooLongException;

    private void AddEntry(in CopyMessage message)
    {
        var entry = message.Entry;
        CountLosses(message);
        if (message.Extra is CopyOutline outline)
            _sink.Announce(outline);
        switch (entry.Kind)
        {
            case EntryKind.File:
                WithContent(message);
                break;
            case EntryKind.Directory:
                Count(_sink.AddDirectory(entry, _mapper.Map(entry, entry.Metadata)), ref _tally.Directories);
                break;
            case EntryKind.SymbolicLink when !_sink.Capabilities.Has(Features.SymbolicLinks):
                _tally.Lose(LossKind.SymbolicLinks, entry);
                break;
            case EntryKind.SymbolicLink:
                Count(_sink.AddSymbolicLink(entry, entry.Metadata.LinkTarget ?? "", _mapper.Map(entry, entry.Metadata)), ref _tally.SymbolicLinks);
                break;
            default:
                if (!_sink.Capabilities.Has(Features.DeviceNodes) || !_sink.Takes(entry.Kind))
                    _tally.Lose(LossKind.SpecialFiles, entry);
                else
                    Count(_sink.AddSpecial(entry, _mapper.Map(entry, entry.Metadata)), ref _tally.SpecialFiles);
                break;
        }
    }

    /// <summary>Lets the sink take a content, and leaves the feed at the next entry whatever happens.</summary>
    private void WithContent(in CopyMessage message)
    {
        var entry = message.Entry;
        _content!.Start(message);
        if (_content.DeclaredLength > _sink.Capabilities.MaxFileLength)
        {
            _content.Drain();
            throw new UnsupportedFeatureException(
                $"{_sink.Description} holds files of at most {_sink.Capabilities.MaxFileLength} bytes, {entry.Path} has {_content.DeclaredLength}");
        }
        var fine = false;
        try
        {
            if (message.Step == CopyStep.Stream)
                AddStream(message);
            else
                Count(_sink.AddFile(entry, _mapper.Map(entry, entry.Metadata), _content), ref _tally.Files);
            fine = true;
        }
        finally
        {
            // Not when the copy is over anyway: the reader may no longer answer.
            if (fine || !_options.Cancellation.IsCancellationRequested)
                _content.Drain();
        }
        _tally.Bytes += _content.DataBytes;
        if (_content.HasShrunk)
            _tally.Lose(LossKind.ChangedWhileRead, entry);
    }

    private void CountLosses(in CopyMessage message)
    {
        if (message.Losses == CopyLosses.None && !message.HasHoles)
            return;
        var entry = message.Entry;
        if (message.HasHoles && !_sink.Capabilities.Has(Features.SparseFiles))
            _tally.Lose(LossKind.Holes, entry);
        if (message.Losses.HasFlag(CopyLosses.ExtendedAttributes))
            _tally.Lose(LossKind.ExtendedAttributes, entry);
        if (message.Losses.HasFlag(CopyLosses.NamedStreams))
            _tally.Lose(LossKind.NamedStreams, entry);
        if (message.Losses.HasFlag(CopyLosses.ResourceForks))
            _tally.Lose(LossKind.ResourceForks, entry);
        if (message.Losses.HasFlag(CopyLosses.HardLink))
            _tally.Lose(LossKind.HardLinks, entry);
        if (message.Losses.HasFlag(CopyLosses.LinkCopied))
            _tally.Lose(LossKind.SymbolicLinksCopied, entry);
        if (message.Losses.HasFlag(CopyLosses.Changed))
            _tally.Lose(LossKind.ChangedWhileRead, entry);
    }

    private void Count(AddOutcome outcome, ref long kind)
    {
        if (outcome == AddOutcome.Skipped)
        {
            _tally.Skipped++;
            return;
        }
        if (outcome == AddOutcome.Replaced)
            _tally.Replaced++;
        kind++;
    }

    /// <summary>An entry below a directory that could not be made.</summary>
    private void PassOver(in CopyMessage message)
    {
        _feed!.Ring.Release(message.Charge);
        if (message.Step is not (CopyStep.Entry or CopyStep.HardLink))
        {
            if (message.Step is CopyStep.Data or CopyStep.Hole or CopyStep.Extent)
                _feed!.Abandon(message.Entry);
            return;
        }
        _tally.NotReached++;
        if (message.Entry.Kind == EntryKind.Directory)
            Lose(message.Entry);
    }

    /// <summary>So many bytes more have gone from the reader to the sink.</summary>
    public void Moved(long bytes)
    {
        _moved += bytes;
        if (bytes >= 1 << 16)
            ShowProgress(null, force: false);
    }

    private void ShowProgress(TreeEntry? entry, bool force = false)
    {
        if (_options.Progress is not null)
            Show(_options.Progress, entry, force);
    }

    private void Show(IProgress<WorkProgress> progress, TreeEntry? entry, bool force)
    {
        var now = System.Diagnostics.Stopwatch.GetTimestamp();
        if (!force && now - _lastProgress < System.Diagnostics.Stopwatch.Frequency / 10)
            return;
        _lastProgress = now;
        progress.Report(new WorkProgress("copying", _moved, _options.TotalBytes, _tally.Items, _options.TotalItems, entry?.Path));
    }
}
