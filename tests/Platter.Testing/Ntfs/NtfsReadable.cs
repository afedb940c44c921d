using System.Security.Cryptography;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;

namespace Platter.Testing.Ntfs;

/// <summary>Which files of a volume can be reached from the root and read, by the number of their record: what a repair must not make fewer.</summary>
public static class NtfsReadable
{
    private const int MostFiles = 5000;

    /// <summary>All of them, each with what it holds; the streams that cannot be read are left out.</summary>
    /// <param name="device">The volume, however damaged.</param>
    /// <param name="mostHashed">Bytes; of longer content only the length counts.</param>
    public static Dictionary<long, Dictionary<string, string>> Of(BlockDevice device, long mostHashed = 1 << 20)
    {
        var files = new Dictionary<long, Dictionary<string, string>>();
        Look(() =>
        {
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            var own = new HashSet<long>();
            Look(() => own.UnionWith(volume.Enumerate(new NodeId(volume.OpenSystemFile(NtfsMft.ExtendRecord).Reference.Raw)).Select(e => Number(e.Id))));
            var pending = new Stack<NodeId>([volume.RootId]);
            files[Number(volume.RootId)] = [];
            while (pending.TryPop(out var directory) && files.Count < MostFiles)
            {
                Look(() =>
                {
                    foreach (var entry in volume.Enumerate(directory))
                    {
                        var kind = EntryKind.File;
                        // A name that leads to what $Extend has, is damage itself.
                        if (own.Contains(Number(entry.Id)) || files.ContainsKey(Number(entry.Id)) || !Look(() => kind = volume.GetMetadata(entry.Id).Kind))
                            continue;
                        files[Number(entry.Id)] = Content(volume, entry.Id, kind, mostHashed);
                        if (kind == EntryKind.Directory)
                            pending.Push(entry.Id);
                    }
                });
            }
        });
        return files;
    }

    /// <summary>What could be read before, and cannot be any more, or is another; null when there is nothing of that kind.</summary>
    public static string? Loss(Dictionary<long, Dictionary<string, string>> before, Dictionary<long, Dictionary<string, string>> after)
    {
        foreach (var (number, streams) in before)
        {
            // A name that leads to one of the volume's own files is damage itself.
            if (number < NtfsMft.FirstFreeRecord && number != NtfsMft.RootRecord)
                continue;
            if (!after.TryGetValue(number, out var now))
                return $"record {number} could be reached, and no longer can";
            foreach (var (name, content) in streams)
            {
                if (!now.TryGetValue(name, out var found) || found != content)
                    return $"the stream '{name}' of record {number} was {content}, and is {found ?? "not there"}";
            }
        }
        return null;
    }

    private static Dictionary<string, string> Content(NtfsVolume volume, NodeId id, EntryKind kind, long mostHashed)
    {
        var content = new Dictionary<string, string>(StringComparer.Ordinal);
        // What has no data is read as empty, until it is found to be a directory.
        if (kind == EntryKind.File && Look(() => Require(volume.OpenFile(id).Has(NtfsAttributeType.Data))))
            Add("", StreamName.Data);
        Look(() =>
        {
            foreach (var stream in volume.GetStreams(id))
                Add(stream.Name.Name, stream.Name);
        });
        return content;

        void Add(string name, StreamName stream) => Look(() =>
        {
            using var opened = volume.OpenRead(id, stream);
            content[name] = opened.Length > mostHashed ? $"{opened.Length} bytes" : Convert.ToHexString(SHA256.HashData(opened));
        });
    }

    private static void Require(bool isThere)
    {
        if (!isThere)
            throw new FileNotFoundException("has no data");
    }

    private static long Number(NodeId id) => (long)(id.Value & 0xFFFF_FFFF_FFFF);

    private static bool Look(Action look)
    {
        try
        {
            look();
            return true;
        }
        catch (Exception e) when (e is DiskFormatException or UnsupportedFeatureException or UnauthorizedAccessException or FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
    }
}
