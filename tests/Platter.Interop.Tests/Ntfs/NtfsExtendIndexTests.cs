using System.Globalization;
using Platter.Blocks;
using Platter.FileSystems;
using Platter.FileSystems.Ntfs;
using Platter.Primitives;
using Platter.Testing;
using Platter.Testing.Ntfs;
using Platter.Testing.Volumes;
using Xunit;

namespace Platter.Interop.Tests.Ntfs;

/// <summary>The indexes of $Extend, in turns with ntfs-3g: it refuses an object id that it finds in $ObjId, and says so when it does not find the key of one
/// that it is to take out, so that what Platter put there, or took away, is judged by somebody else.</summary>
public class NtfsExtendIndexTests
{
    private const int Count = 300;

    [Theory]
    [InlineData("-c 512")]
    [InlineData("-c 4096")]
    public void Object_ids_that_Platter_put_and_took_away_are_those_that_ntfs_3g_finds(string arguments)
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 32 << 20, arguments);
        Edit(path, volume =>
        {
            for (var i = 0; i < Count; i++)
                volume.SetExtendedAttribute(volume.CreateFile(volume.RootId, $"file {i}", MetadataChange.None), "user.ntfs.object_id", Id(i));
        });
        // A third is deleted, a third loses the id alone, a third keeps it.
        Edit(path, volume =>
        {
            for (var i = 0; i < Count; i += 3)
            {
                volume.Delete(volume.RootId, $"file {i}");
                volume.SetExtendedAttribute(volume.Find($"/file {i + 1}").Id, "user.ntfs.object_id", null);
            }
        });
        // Free ids can be given, those in use cannot; and one that is in use can when its file was deleted by ntfs-3g, which took the key out.
        var said = Ntfs3g.Run(path, """
            touch probe
            id() { printf '0x%08xdeadbeef0123456789abcdef' "$1"; }
            i=0; while [ $i -lt 300 ]; do
              case $((i % 3)) in
                0|1) touch "theirs $i"; setfattr -h -n system.ntfs_object_id -v $(id $i) "theirs $i" || echo "$i is not free" ;;
                2) test "$(getfattr -h -e hex --only-values -n system.ntfs_object_id "file $i" | od -An -v -tx1 -N16 | tr -d ' \n')" = "$(id $i | cut -c3-)" || echo "$i is another"
                   if setfattr -h -n system.ntfs_object_id -v $(id $i) probe 2> /dev/null; then echo "$i is free"; fi
                   if [ $((i % 2)) = 0 ]; then rm "file $i"; setfattr -h -n system.ntfs_object_id -v $(id $i) probe || echo "$i stayed"; setfattr -h -x system.ntfs_object_id probe; fi ;;
              esac
              i=$((i+1))
            done
            rm probe
            """);
        Assert.Equal("", said);
        Check(path);
        Edit(path, volume =>
        {
            // What ntfs-3g put is found, and taken away.
            Assert.Throws<AlreadyExistsException>(() => volume.SetExtendedAttribute(volume.Find("/file 5").Id, "user.ntfs.object_id", Id(4)));
            for (var i = 0; i < Count; i += 3)
                volume.Delete(volume.RootId, $"theirs {i}");
        });
        Assert.Equal("", Ntfs3g.Run(path, """
            i=0; while [ $i -lt 300 ]; do
              touch "again $i"; setfattr -h -n system.ntfs_object_id -v $(printf '0x%08xdeadbeef0123456789abcdef' $i) "again $i" || echo "$i is not free"; i=$((i+3))
            done
            """));
        Check(path);
    }

    [Fact]
    public void Reparse_points_that_Platter_made_ntfs_3g_takes_out_of_the_index_and_the_reverse()
    {
        using var folder = new TempFolder();
        var path = folder.File("volume.img");
        Ntfs3g.Make(path, 32 << 20, "-c 512");
        Edit(path, volume =>
        {
            for (var i = 0; i < Count; i++)
            {
                volume.CreateSpecial(volume.RootId, $"pipe {i}", EntryKind.Fifo, default, MetadataChange.None);
                volume.CreateSymbolicLink(volume.RootId, $"link {i}", "pipe 1", MetadataChange.None);
            }
        });
        Assert.Equal(2 * Count, Keys(path));
        Ntfs3g.Run(path, """
            link=$(getfattr -h -e hex -n system.ntfs_reparse_data "link 1" | sed -n 's/.*=//p')
            i=0; while [ $i -lt 300 ]; do rm "pipe $i"; touch "theirs $i"; setfattr -h -n system.ntfs_reparse_data -v $link "theirs $i"; i=$((i+3)); done
            """);
        Check(path);
        Assert.Equal(2 * Count, Keys(path));
        Edit(path, volume =>
        {
            for (var i = 0; i < Count; i += 3)
                volume.Delete(volume.RootId, $"theirs {i}");
        });
        Assert.Equal(2 * Count - Count / 3, Keys(path));
        Ntfs3g.Run(path, "rm link*; rm pipe*");
        Check(path);
        Assert.Equal(0, Keys(path));
    }

    // The keys of $Extend\$Reparse:$R, as ntfsinfo counts them: it tells the entries of the root, and those of all blocks, with the one at the end of each.
    private static int Keys(string path)
    {
        var lines = Tool.Expect("ntfsinfo", "-f", "-v", "-F", "/$Extend/$Reparse", path).Split('\n').Select(l => l.Trim().Split(':')).ToList();
        var entries = lines.Where(l => l[0] == "Index entries total").Sum(l => int.Parse(l[1], CultureInfo.InvariantCulture));
        return entries - 1 - lines.Count(l => l[0] == "Node VCN");
    }

    private static byte[] Id(int number) => Convert.FromHexString($"{number:x8}deadbeef0123456789abcdef");

    private static void Edit(string path, Action<EditableVolume> edit)
    {
        using (var device = HostFile.Open(path, FileAccess.ReadWrite))
        using (var volume = new NtfsType().OpenForEditing(device, VolumeOptions.Default))
        {
            edit(volume);
            volume.Commit();
        }
        Check(path);
    }

    private static void Check(string path)
    {
        Tool.Expect("ntfsfix", "-n", path);
        using var device = HostFile.Open(path, FileAccess.Read);
        NtfsCheck.AssertClean(device);
    }
}
