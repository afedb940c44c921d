using System.Runtime.CompilerServices;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.Trees;
using Platter.Trees.Host;

namespace Platter.Cli.Verbs;

internal sealed class PutVerb : Verb
{
    private static readonly Option NoClobber = Option.Flag("-n --no-clobber", "leave files that are there already");
    private static readonly Option Update = Option.Flag("-u --update", "replace files that are there already only when they are older");
    private static readonly Option NoTimes = Option.Flag("--no-times", "copies get the present time");
    private static readonly Option Exclude = Option.Of("--exclude", "GLOB", "leave out what has such a name; may be given several times");

    public override VerbSyntax Syntax => new()
    {
        Summary = "copy files and directories into the image",
        Arguments =
        [
            Argument.Image, new("SOURCE", "files and folders of the host; - is standard input, FOLDER/. is what is in the folder") { Kind = ValueKind.HostPath, Many = true },
            new("DEST", "a directory in the image, or the new name of the one SOURCE") { Kind = ValueKind.InsidePath },
        ],
        Options = PutMetadata.After(NoClobber, Update, NoTimes, Exclude, SourceChoice.MapOwner),
        Examples =
        [
            new("platter put pc.img@1 kernel.efi /EFI/BOOT/BOOTX64.EFI", "one file under a new name"),
            new("platter put card.img photos docs /", "two folders, with all that is in them, into the root"),
            new("tar c docs | platter put card.img - /docs.tar", "from standard input"),
        ],
        Remarks = "Each file appears in the image whole or not at all, and what is there under its name gives way at the same instant.",
    };

    public override int Run(Session session)
    {
        var sources = session.WordsBetween;
        using var at = session.EditVolume(session.Words[0]);
        var metadata = PutMetadata.Read(session.Arguments, at.Volume);
        var typed = session.Words[^1];
        var destination = session.Inside(typed);
        var isFolder = at.Volume.TryFind(destination, out var there) && there.IsDirectory;
        if (!isFolder && (sources.Length > 1 || typed.EndsWith('/')))
            throw new CommandException(ExitCode.NotFound, null, $"{destination} is not a directory", $"'platter mkdir {session.Words[0]} {destination}' makes it");
        if (!isFolder && InsidePath.FolderOf(destination) is var parent && !at.Volume.TryFind(parent, out _))
            throw new CommandException(ExitCode.NotFound, null, $"no such directory: {parent}", $"'platter mkdir -p {session.Words[0]} {parent}' makes it");
        var reports = new CopyReport?[sources.Length];
        for (var i = 0; i < sources.Length; i++)
        {
            var source = sources[i];
            session.SayMore(source);
            var folder = isFolder ? destination : InsidePath.FolderOf(destination);
            var name = isFolder ? NameOf(source) : InsidePath.NameOf(destination);
            if (source == "-")
                PutStandardInput(session, at.Volume, folder, isFolder ? throw new UsageException("standard input needs a file name in DEST") : name!, metadata);
            else
                reports[i] = PutHost(session, at.Volume, source, folder, name, metadata);
        }
        session.StopIfCancelled();
        at.Volume.Commit();
        foreach (var report in reports)
        {
            if (report is not null)
                session.Finish(report, committed: true);
        }
        if (session.Json)
            WriteJson(session, reports);
        return ExitCode.Done;
    }

    private static void WriteJson(Session session, CopyReport?[] reports) => GetVerb.WriteJson(session, [.. reports.OfType<CopyReport>()]);

    private static CopyReport PutHost(Session session, EditableVolume volume, string source, string folder, string? name, PutMetadata metadata)
    {
        var options = new HostSourceOptions { Exclude = session.Arguments.Texts(Exclude) };
        HostTreeSource host = name is null ? HostTreeSource.Content(source, options) : HostTreeSource.Entry(source, name, options);
        var isSmall = HostTreeSource.IsSmallFile(source);
        if (!isSmall)
            LeaveOutImage(session, host, source);
        using TreeSource tree = SourceChoice.ReadMap(session) is { } map ? Owned(host, map) : host;
        using var sink = new VolumeTreeSink(volume, folder);
        var copy = new CopyOptions
        {
            Progress = session.Progress,
            // A small file is over before anybody could think better of it; the system's own way to end a process leaves nothing half-done.
            Cancellation = isSmall ? default : session.Cancellation,
            PreserveTimes = !session.Arguments.Has(NoTimes),
            Epoch = Session.Epoch,
            Owner = metadata.Owner,
            Overwrite = session.Arguments.Has(NoClobber) ? Overwrite.Skip : session.Arguments.Has(Update) ? Overwrite.ReplaceOlder : Overwrite.Replace,
        };
        CopyReport report;
        try
        {
            report = TreeCopier.Copy(tree, sink, TreeTotals.Add(copy, tree));
        }
        catch (Exception e) when (e is VolumeFullException or IOException)
        {
            // The file that failed is undone; those before it are whole and stay.
            volume.Commit();
            throw new CommandException(ExitCode.Of(e), null, ExitCode.Why(e, session.Subject), "what was copied before is complete and stays");
        }
        if (name is not null && !metadata.IsEmpty && volume.TryFind(InsidePath.Combine(folder, name), out var top))
            metadata.Apply(volume, top.Id);
        return report;
    }

    // An image is no part of what goes into it: 'put disk.img . /' means the other files.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void LeaveOutImage(Session session, HostTreeSource host, string source)
    {
        var image = Path.GetFullPath(ImageAddress.Parse(session.Words[0]).Path);
        if (Path.GetFullPath(source) == image)
            throw new UsageException($"{source} is the image itself");
        host.LeaveOut(image);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static OwnedSource Owned(TreeSource host, OwnerMap map) => new(host, map);

    private static void PutStandardInput(Session session, EditableVolume volume, string folder, string name, PutMetadata metadata)
    {
        var parent = InsidePath.Locate(volume, InsidePath.Combine(folder, name), out _);
        var isThere = volume.TryLookup(parent, name, out _);
        if (isThere && session.Arguments.Has(NoClobber))
            return;
        using var input = Console.OpenStandardInput();
        using var content = new CancellableStream(input, session.Cancellation);
        metadata.Apply(volume, isThere ? volume.Replace(parent, name, Create) : Create(name));

        NodeId Create(string newName) => volume.CreateFile(parent, newName, content, null, MetadataChange.None);
    }

    /// <summary>The name that a source gets in a folder; null for its content alone (<c>.</c>, <c>folder/.</c>).</summary>
    private static string? NameOf(string source)
    {
        var end = source.Length;
        while (end > 0 && IsSeparator(source[end - 1]))
            end--;
        var start = end;
        while (start > 0 && !IsSeparator(source[start - 1]))
            start--;
        var name = source[start..end];
        return name is "" or "." or ".." ? null : name;
    }

    private static bool IsSeparator(char c) => c == '/' || (c == '\\' && OperatingSystem.IsWindows());
}
