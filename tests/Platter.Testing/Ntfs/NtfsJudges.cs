using System.Globalization;
using System.Numerics;
using System.Text;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Testing.Ext;
using Xunit.Sdk;

namespace Platter.Testing.Ntfs;

/// <summary>Everybody on this machine who has a say on an NTFS volume, the kernel apart: the tools of ntfs-3g, its driver with every name, hash, stream and
/// descriptor, and the sleuth kit; beside what Platter reads.</summary>
public static class NtfsJudges
{
    // A control character in a listing: the tools show it as it is, or as something else.
    private const string Escaped = @"\x";

    // Files that the tools which read one at a time are asked for.
    private const int Samples = 4;

    // The longest cluster that the sleuth kit knows, and the longest name in UTF-8 that it shows once.
    private const int MostSleuthKitCluster = 65536, MostSleuthKitName = 512;

    // What it shows of the root, beside what else begins with $ there.
    private static readonly string[] SystemFiles = ["/$MFT", "/$MFTMirr", "/$LogFile", "/$Volume", "/$AttrDef", "/$Bitmap", "/$Boot", "/$BadClus", "/$Secure", "/$UpCase", "/$Extend", "/$OrphanFiles"];

    /// <summary>What any of them sees otherwise than Platter does, or complains of; null when there is nothing.</summary>
    /// <param name="path">An image that nobody has open.</param>
    public static string? Complaint(string path)
    {
        try
        {
            using var device = HostFile.Open(path, FileAccess.Read);
            using var volume = NtfsVolume.Open(device, VolumeOptions.Default);
            var problems = new List<string>();
            var own = NtfsListing.Read(volume, problems);
            Same("Platter", [], problems);
            Tools(path, volume, own);
            SleuthKit(path, volume, own);
            Driver(path, volume, own);
            return null;
        }
        catch (XunitException e)
        {
            return e.Message;
        }
    }

    // ntfsfix, ntfsinfo, ntfsls, ntfscat.
    private static void Tools(string path, NtfsVolume volume, Dictionary<string, NtfsListing.Line> own)
    {
        Tool.Expect("ntfsfix", "-n", path);
        var free = Tool.Expect("ntfsinfo", "-m", path).Split('\n').First(l => l.Contains("Free Clusters:", StringComparison.Ordinal));
        var clusters = (volume.FreeBytes / volume.Info.BlockSize).ToString(CultureInfo.InvariantCulture);
        Same("ntfsinfo's free clusters", [clusters], [free.Split(':')[1].Trim().Split(' ')[0]]);
        var list = Tool.Run("ntfsls", "-R", "-l", path);
        Same("ntfsls", [], list.ExitCode == 0 ? Lines(list.Error) : [list.All]);
        foreach (var name in Some(own, "f"))
        {
            var cat = Tool.Run("sh", "-c", "ntfscat -f \"$0\" -i \"$1\" | sha256sum", path, Number(volume, name));
            Same($"ntfscat of {name}", [own[name].Hash], [cat.Output.Split(' ')[0]]);
        }
    }

    // fls and istat.
    private static void SleuthKit(string path, NtfsVolume volume, Dictionary<string, NtfsListing.Line> own)
    {
        if (volume.Info.BlockSize > MostSleuthKitCluster || own.Keys.Any(n => Encoding.UTF8.GetByteCount(Path.GetFileName(n)) > MostSleuthKitName || n.Contains(Escaped, StringComparison.Ordinal)))
            return;
        // KIND/KIND RECORD-TYPE-ID:<tab>path, streams as path:stream
        var seen = Lines(Tool.Expect("fls", "-r", "-p", "-u", "-f", "ntfs", path)).Select(l => "/" + l.Split('\t', 2)[1])
            .Where(n => !SystemFiles.Any(f => n == f || n.StartsWith(f + "/", StringComparison.Ordinal) || n.StartsWith(f + ":", StringComparison.Ordinal)));
        Same("fls", own.Keys.Where(n => !n.StartsWith("/:", StringComparison.Ordinal)),
            seen.Where(n => !n.StartsWith("/:", StringComparison.Ordinal) && (own.ContainsKey(n) || !HasFreedBlocks(volume, n[..n.LastIndexOf('/')]))));
        foreach (var name in Some(own, "f").Concat(Some(own, "d")))
        {
            var links = volume.Find(name).Metadata.LinkCount;
            var told = Lines(Tool.Expect("istat", "-f", "ntfs", path, Number(volume, name))).First(l => l.StartsWith("Links:", StringComparison.Ordinal));
            Same($"istat of {name}", [$"Links: {links}"], [told]);
        }
    }

    // Sleuthkit does not look into an index's $BITMAP, and takes what stands in a freed block for names.
    private static bool HasFreedBlocks(NtfsVolume volume, string directory)
    {
        var file = volume.OpenFile(directory.Length == 0 ? volume.RootId : volume.Find(directory).Id);
        if (file.Open(NtfsAttributeType.IndexAllocation, NtfsDirectory.IndexName) is not { } blocks)
            return false;
        var inUse = file.Open(NtfsAttributeType.Bitmap, NtfsDirectory.IndexName)!.ReadAll(1 << 20, "").Sum(b => BitOperations.PopCount(b));
        return blocks.Length / volume.Geometry.IndexBlockSize > inUse;
    }

    // ntfs-3g through FUSE: names, kinds, lengths, hashes, streams, descriptors.
    private static void Driver(string path, NtfsVolume volume, Dictionary<string, NtfsListing.Line> own)
    {
        var streams = own.Where(l => l.Value.Kind == "a").Select(l => l.Key[1..]).ToArray();
        var theirs = Ntfs3g.List(path, streams);
        // What a link leads to it tells in its own way: as a path on this host.
        Same("ntfs-3g", own.Select(Told), theirs.Select(l => Told(new(ExtListing.Escape(l.Key), l.Value))));
        var descriptors = Ntfs3g.Run(path, """
            find . -mindepth 1 ! -type l -printf '%P\n' | while IFS= read -r name; do
              printf '/%s\t' "$name"; getfattr -h --only-values -n system.ntfs_acl -- "./$name" | od -An -v -tx1 | tr -d ' \n'; echo
            done
            """, "streams_interface=windows,ro");
        Same("descriptors of ntfs-3g", own.Where(l => l.Value.Kind is not ("a" or "l") && !l.Key.Contains(Escaped, StringComparison.Ordinal)).Select(l => $"{l.Key}\t{Convert.ToHexStringLower(volume.Find(l.Key).Metadata.SecurityDescriptor ?? [])}"), 
            Lines(descriptors).Where(l => !l.Any(c => c is (< ' ' and not '\t') or '\x7F')));
    }

    private static string Told(KeyValuePair<string, NtfsListing.Line> line) => line.Value.Kind == "l" ? $"{line.Key} l" : $"{line.Key} {line.Value.Kind} {line.Value.Length} {line.Value.Hash}";

    private static string Number(NtfsVolume volume, string name) => ((long)(volume.Find(name).Id.Value & 0xFFFF_FFFF_FFFF)).ToString(CultureInfo.InvariantCulture);

    private static IEnumerable<string> Some(Dictionary<string, NtfsListing.Line> own, string kind)
    {
        var names = own.Where(l => l.Value.Kind == kind && !l.Key.Contains(Escaped, StringComparison.Ordinal)).Select(l => l.Key).Order(StringComparer.Ordinal).ToList();
        return names.Where((_, i) => i % Math.Max(1, names.Count / Samples) == 0).Take(Samples);
    }

    private static string[] Lines(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static void Same(string judge, IEnumerable<string> expected, IEnumerable<string> seen)
    {
        var (wanted, found) = (expected.ToHashSet(StringComparer.Ordinal), seen.ToHashSet(StringComparer.Ordinal));
        if (wanted.SetEquals(found))
            return;
        var text = new StringBuilder($"{judge}:\n");
        foreach (var line in wanted.Except(found).Take(20))
            text.Append(CultureInfo.InvariantCulture, $"- {line}\n");
        foreach (var line in found.Except(wanted).Take(20))
            text.Append(CultureInfo.InvariantCulture, $"+ {line}\n");
        throw new XunitException(text.ToString());
    }
}
