using Platter.Cli.Output;
using Platter.Cli.Syntax;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Cli.Verbs;

internal sealed class StatVerb : Verb
{
    private static readonly Option NoExtents = Option.Flag("--no-extents", "without where the data lies");

    public override VerbSyntax Syntax => new()
    {
        Summary = "show everything known of an entry: times, ids, streams, attributes, extents",
        Arguments = [Argument.Image, new("PATH", "what to look at") { Kind = ValueKind.InsidePath, Many = true }],
        Options = [NoExtents],
        Examples = [new("platter stat pc.img@1 /EFI/BOOT/BOOTX64.EFI", "times, attributes, and where the file lies on the volume")],
    };

    public override int Run(Session session)
    {
        using var at = session.OpenVolume(session.Words[0]);
        var paths = session.Expand(at.Volume, session.WordsFrom(1));
        if (session.Json)
        {
            using var json = new Json(session.Out);
            json.Object();
            json.Array("entries");
            foreach (var path in paths)
                WriteJson(session, json, path, at.Volume.Find(path));
            json.EndArray();
            json.End();
            return ExitCode.Done;
        }
        foreach (var path in paths)
        {
            if (path != paths[0])
                session.Out.WriteLine();
            WriteText(session, path, at.Volume.Find(path));
        }
        return ExitCode.Done;
    }

    private static void WriteJson(Session session, Json json, string path, Node node)
    {
        var m = node.Metadata;
        json.Object();
        EntryText.WriteFields(json, path, node.Id, m);
        json.Field("allocated", m.AllocatedLength);
        json.Field("created", m.Created);
        json.Field("changed", m.Changed);
        json.Field("accessed", m.Accessed);
        json.Field("shortName", m.ShortName);
        if (m.Device is { } device)
        {
            json.Field("major", (long)device.Major);
            json.Field("minor", (long)device.Minor);
        }
        json.Field("reparseTag", m.ReparseTag);
        json.Field("finderInfo", m.FinderInfo is { } finder ? Convert.ToHexString(finder) : null);
        json.Field("securityDescriptor", m.SecurityDescriptor is { } security ? Convert.ToBase64String(security) : null);
        json.Field("sddl", m.SecurityDescriptor is { } descriptor ? Sddl.Format(descriptor) : null);
        var streams = node.Volume.GetStreams(node.Id);
        if (streams.Count > 0)
            EntryText.WriteStreams(json, streams);
        var attributes = node.Volume.GetExtendedAttributes(node.Id);
        if (attributes.Count > 0)
        {
            json.Object("xattrs");
            foreach (var (name, value) in attributes)
                json.Field(name, AttributeText.Format(value));
            json.End();
        }
        if (m.Kind == EntryKind.File && !session.Arguments.Has(NoExtents))
        {
            json.Array("extents");
            foreach (var extent in Extents(node))
            {
                json.Object();
                json.Field("offset", extent.StreamOffset);
                json.Field("device", extent.DeviceOffset < 0 ? null : extent.DeviceOffset);
                json.Field("length", extent.Length);
                json.End();
            }
            json.EndArray();
        }
        json.End();
    }

    private static void WriteText(Session session, string path, Node node)
    {
        var m = node.Metadata;
        var table = new Table("", "");
        void Row(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
                table.Add(new Cell(name, session.Paint.Dim(name)), value);
        }

        session.Out.WriteLine(session.Paint.Name(session.Show(path), m.Kind));
        Row("type", EntryText.Kind(m.Kind));
        Row("size", m.Kind == EntryKind.Directory && m.Length == 0 ? null : $"{m.Length} bytes" + (m.Length >= 1024 ? $" ({ByteSize.FormatRounded(m.Length)})" : ""));
        Row("allocated", m.AllocatedLength is { } allocated ? $"{allocated} bytes" : null);
        Row("modified", m.Modified?.ToString());
        Row("created", m.Created?.ToString());
        Row("changed", m.Changed?.ToString());
        Row("accessed", m.Accessed?.ToString());
        Row("mode", m.Mode is { } mode ? $"{ModeText.FormatOctal(mode)} ({ModeText.Format(m.Kind, mode)})" : null);
        Row("owner", m.UserId is { } user ? $"{user}:{m.GroupId}" : null);
        Row("links", m.LinkCount is { } links ? EntryText.Number(links) : null);
        Row("target", m.LinkTarget is { } target ? session.Show(target) : null);
        Row("device", m.Device is { } device ? $"{device.Major}, {device.Minor}" : null);
        Row("attributes", m.DosAttributes is { } dos ? string.Join(", ", EntryText.AttributeNames(dos).DefaultIfEmpty("none")) : null);
        Row("short name", m.ShortName is { } shortName ? session.Show(shortName) : null);
        Row("Finder info", m.FinderInfo is { } finder ? Convert.ToHexString(finder) : null);
        Row("reparse tag", m.ReparseTag is { } tag ? $"0x{tag:X8}" : null);
        Row("security", m.SecurityDescriptor is { } security ? Sddl.Format(security) is { } sddl ? session.Show(sddl) : $"{security.Length} bytes" : null);
        Row("id", node.Id.Value.ToString(System.Globalization.CultureInfo.InvariantCulture));
        foreach (var stream in node.Volume.GetStreams(node.Id))
            Row("stream", $"{session.Show(stream.Name.ToString())}, {stream.Length} bytes");
        foreach (var (name, value) in node.Volume.GetExtendedAttributes(node.Id))
            Row("attribute", $"{session.Show(name)} = {session.Show(AttributeText.Format(value))}");
        if (m.Kind == EntryKind.File && !session.Arguments.Has(NoExtents))
        {
            foreach (var extent in Extents(node))
                Row("extent", $"{extent.StreamOffset} + {extent.Length}: " + (extent.DeviceOffset < 0 ? "hole" : $"at byte {extent.DeviceOffset} of the volume"));
        }
        table.Write(session.Out, session.Paint, "  ");
    }

    // Of content that cannot be read (encrypted, kept elsewhere) everything else is known.
    private static VolumeStream? OpenIfReadable(Node node)
    {
        try
        {
            return node.OpenRead();
        }
        catch (Exception e) when (e is UnsupportedFeatureException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Neighbours joined: FAT tells them cluster by cluster.</summary>
    private static IEnumerable<StreamExtent> Extents(Node node)
    {
        using var stream = OpenIfReadable(node);
        if (stream is null)
            yield break;
        StreamExtent? open = null;
        foreach (var extent in stream.Extents())
        {
            if (open is { } o && o.StreamOffset + o.Length == extent.StreamOffset
                && (o.DeviceOffset < 0 ? extent.DeviceOffset < 0 : o.DeviceOffset + o.Length == extent.DeviceOffset))
            {
                open = o with { Length = o.Length + extent.Length };
                continue;
            }
            if (open is { } done)
                yield return done;
            open = extent;
        }
        if (open is { } last)
            yield return last;
    }
}
