using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Platter.FileSystems;
using Platter.Testing;
using Platter.Trees;
using Platter.Trees.Building;
using Platter.Trees.Comparing;
using Platter.Trees.Specs;
using Xunit;

namespace Platter.Interop.Tests.Trees;

/// <summary>The spec of examples/debian with a real root filesystem: the same entries as its tar, clean to e2fsck, and it boots.</summary>
/// <remarks>Takes some minutes and the network, unless PLATTER_DEBIAN_TAR names a tar that mmdebstrap has made before.</remarks>
public sealed partial class DebianTests
{
    [Fact(Explicit = true)]
    public void A_debian_root_filesystem_becomes_a_disk_that_is_its_tar_and_boots()
    {
        using var folder = new TempFolder();
        var tar = Environment.GetEnvironmentVariable("PLATTER_DEBIAN_TAR") is { Length: > 0 } given ? given : folder.File("debian.tar");
        if (!File.Exists(tar))
            Tool.Expect("mmdebstrap", "--variant=minbase", "--include=iputils-ping,libcap2-bin", "stable", tar);

        var spec = Path.Combine(Corpus.Repository, "examples", "debian", "disk.toml");
        var variables = new Dictionary<string, string>(StringComparer.Ordinal) { ["root"] = tar };
        var image = folder.File("debian.img");
        var report = DiskBuilder.Build(DiskSpec.Load(spec, variables), image, new BuildOptions { BaseFolder = folder.Path });
        var root = folder.File("root.img");
        var place = report.Partitions[1];
        Tool.Expect("dd", $"if={image}", $"of={root}", "bs=1M", "iflag=skip_bytes,count_bytes", $"skip={place.Start}", $"count={place.Length}", "conv=sparse");
        Tool.Expect("e2fsck", "-fn", root);
        Assert.Contains("No problems found", Tool.Expect("sgdisk", "-v", image), StringComparison.Ordinal);

        using (var first = TreeSources.Open(tar))
        using (var second = TreeSources.Open(image + "@2"))
            Assert.Empty(TreeComparer.Compare(first, second, new TreeCompareOptions { HardLinks = true, Exclude = PathPatterns.Parse(["/var/cache/apt/archives/*.deb"]) }));
        CompareWithGnuTar(tar, root, folder);
        Boot(tar, spec, folder);
    }

    /// <summary>GNU tar lists the archive, debugfs the volume: modes, owners, sizes and attributes are the same.</summary>
    private static void CompareWithGnuTar(string tar, string root, TempFolder folder)
    {
        var listed = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var attributes = new List<string>();
        var path = "";
        foreach (var line in Tool.Expect("tar", "--numeric-owner", "--xattrs", "--xattrs-include=*", "--quoting-style=literal", "-tvvf", tar).Split('\n'))
        {
            if (TarLine().Match(line) is { Success: true } entry)
            {
                path = "/" + entry.Groups["path"].Value.TrimStart('.').Trim('/');
                var kind = entry.Groups["kind"].Value[0];
                var name = kind is 'l' ? path[..path.IndexOf(" -> ", StringComparison.Ordinal)] : kind is 'h' ? "" : path;
                if (name.Length > 0 && !name.EndsWith(".deb", StringComparison.Ordinal))
                    listed[name] = $"{Mode(entry.Groups["mode"].Value):D4} {entry.Groups["owner"].Value}{(kind == '-' ? " " + entry.Groups["size"].Value : "")}";
                path = name;
            }
            else if (XattrLine().Match(line) is { Success: true } attribute)
            {
                attributes.Add($"{path} {attribute.Groups["name"].Value} ({attribute.Groups["size"].Value})");
            }
        }
        Assert.InRange(listed.Count, 5000, 100_000);
        var commands = folder.File("commands");
        File.WriteAllLines(commands, listed.Keys.Select(p => $"stat \"{p}\""));
        var found = DebugfsStat().Matches(Tool.Expect("debugfs", "-f", commands, root));
        Assert.Equal(listed.Count, found.Count);
        foreach (var (entry, stat) in listed.Zip(found))
        {
            var size = stat.Groups["type"].Value == "regular" ? " " + stat.Groups["size"].Value : "";
            Assert.Equal(entry.Key + " " + entry.Value, $"{entry.Key} {stat.Groups["mode"].Value.TrimStart('0').PadLeft(4, '0')} {stat.Groups["user"].Value}/{stat.Groups["group"].Value}{size}");
        }
        Assert.Contains(attributes, a => a.Contains("security.capability", StringComparison.Ordinal));
        foreach (var attribute in attributes)
        {
            var parts = attribute.Split(' ');
            Assert.Contains($"{parts[1]} {parts[2]}", Tool.Expect("debugfs", "-R", $"ea_list \"{parts[0]}\"", root), StringComparison.Ordinal);
        }
    }

    // rwsr-xr-t as octal digits, in a decimal number.
    private static int Mode(string letters)
    {
        var bits = 0;
        for (var i = 0; i < 9; i++)
        {
            if (letters[i] is not ('-' or 'S' or 'T'))
                bits |= 1 << (8 - i);
        }
        bits |= (letters[2] is 's' or 'S' ? 0x800 : 0) | (letters[5] is 's' or 'S' ? 0x400 : 0) | (letters[8] is 't' or 'T' ? 0x200 : 0);
        return int.Parse(Convert.ToString(bits, 8), CultureInfo.InvariantCulture);
    }

    /// <summary>The kernel of kernel-mount boots with the disk's second partition as root, and runs a script in Debian.</summary>
    private static void Boot(string tar, string spec, TempFolder folder)
    {
        var image = folder.File("boot.img");
        var text = $""""
            include = "{spec}"
            [[partition]]
            name = "root"
            [[partition.filesystem.file]]
            path = "/usr/sbin/platter-proof"
            mode = "0755"
            content = '''
            #!/bin/bash
            export PATH=/usr/bin:/usr/sbin
            mount -t proc proc /proc
            echo "PROOF debian $(cat /etc/debian_version)"
            dpkg --verify > /dev/null 2>&1; echo "PROOF verified $(dpkg-query -W | wc -l) packages: $(dpkg --verify | wc -l)"
            echo "PROOF capability $(getcap /usr/bin/ping || getcap /bin/ping)"
            mount -o remount,rw / && mkdir -p /root/a/b && for i in $(seq 300); do echo $i > /root/a/b/$i; done && echo written > /root/proof.txt
            mount -t vfat /dev/sda1 /mnt && echo written > /mnt/proof.txt && umount /mnt && echo "PROOF esp"
            sync; mount -o remount,ro / && echo "PROOF end"
            echo o > /proc/sysrq-trigger; sleep 30
            '''
            """";
        DiskBuilder.Build(DiskSpec.Parse(text, folder.File("boot.toml"), new SpecOptions
        {
            Folder = folder.Path, Variables = new Dictionary<string, string>(StringComparer.Ordinal) { ["root"] = tar },
        }), image, new BuildOptions { BaseFolder = folder.Path });

        const string init = """
            #!/bin/sh
            export PATH=/bin:/sbin
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev
            modprobe -a virtio_pci sd_mod virtio_scsi ext4 vfat nls_ascii nls_cp437
            mkdir -p /root
            mount -t ext4 -o ro /dev/sda2 /root || { echo "PROOF no root"; poweroff -f; }
            mount --move /dev /root/dev
            exec switch_root /root /bin/bash /usr/sbin/platter-proof
            """;
        var cache = Environment.GetEnvironmentVariable("KERNEL_MOUNT_CACHE") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "kernel-mount");
        var kernel = Path.Combine(cache, "kernel", "vmlinuz");
        Assert.True(File.Exists(kernel), "kernel-mount's kernel is expected: its setup.sh downloads it");
        // Of two archives, the later one's files win.
        File.WriteAllBytes(folder.File("initramfs"), [.. File.ReadAllBytes(Path.Combine(cache, "initramfs")), .. Cpio("init", Encoding.ASCII.GetBytes(init))]);
        var output = Tool.Expect("timeout", "600", "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "pc", "-accel", "tcg",
            "-cpu", "max", "-m", "512", "-nic", "none", "-kernel", kernel, "-initrd", folder.File("initramfs"), "-append", "console=ttyS0 quiet panic=-1 mitigations=off",
            "-chardev", $"file,id=console,path={folder.File("console")}", "-serial", "chardev:console", "-device", "virtio-scsi-pci,id=scsi",
            "-drive", $"if=none,id=disk,file={image},format=raw", "-device", "scsi-hd,bus=scsi.0,drive=disk");
        var console = File.ReadAllText(folder.File("console"));
        var proof = string.Join('\n', console.Split('\n').Where(l => l.Contains("PROOF", StringComparison.Ordinal)).Select(l => l[l.IndexOf("PROOF", StringComparison.Ordinal)..].TrimEnd()));
        Assert.True(ProofLines().IsMatch(proof), $"{proof}\n{output}\n{console}");

        // What the kernel wrote is read, and all of it is sound.
        using var disk = DiskImage.Open(image);
        Assert.True(disk.Check().IsClean);
        foreach (var (number, path) in new[] { (1, "/proof.txt"), (2, "/root/proof.txt") })
        {
            using var volume = disk.OpenVolume(number);
            using var stream = volume.OpenRead(volume.Find(path).Id, StreamName.Data);
            using var reader = new StreamReader(stream);
            Assert.Equal("written\n", reader.ReadToEnd());
        }
    }

    // The "new ASCII" format of cpio: a head of hexadecimal numbers, the name and the content padded to 4 bytes, a trailer.
    private static byte[] Cpio(string name, byte[] content)
    {
        using var archive = new MemoryStream();
        Add(name, 0x81ED, content);
        Add("TRAILER!!!", 0, []);
        return archive.ToArray();

        void Add(string file, int mode, byte[] bytes)
        {
            archive.Write(Encoding.ASCII.GetBytes("070701" + string.Concat(new[] { 1, mode, 0, 0, 1, 0, bytes.Length, 0, 0, 0, 0, file.Length + 1, 0 }.Select(n => n.ToString("X8", CultureInfo.InvariantCulture)))));
            archive.Write(Encoding.ASCII.GetBytes(file + "\0"));
            Pad();
            archive.Write(bytes);
            Pad();
        }

        void Pad()
        {
            while (archive.Length % 4 != 0)
                archive.WriteByte(0);
        }
    }

    [GeneratedRegex(@"^(?<kind>[-dlcbph])(?<mode>[-rwxsStT]{9})\S? +(?<owner>\d+/\d+) +(?<size>[\d,]+) \d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? (?<path>.*)$", RegexOptions.ExplicitCapture)]
    private static partial Regex TarLine();

    [GeneratedRegex(@"^ +x: +(?<size>\d+) (?<name>\S+)$", RegexOptions.ExplicitCapture)]
    private static partial Regex XattrLine();

    [GeneratedRegex(@"Inode: \d+ +Type: (?<type>.+?) +Mode: +(?<mode>\d+).*?User: +(?<user>\d+) +Group: +(?<group>\d+)[^\n]*?Size: (?<size>\d+)", RegexOptions.Singleline | RegexOptions.ExplicitCapture)]
    private static partial Regex DebugfsStat();

    [GeneratedRegex(@"^PROOF debian \d+\.\d+\nPROOF verified \d+ packages: 0\nPROOF capability .*ping cap_net_raw.*\nPROOF esp\nPROOF end$")]
    private static partial Regex ProofLines();
}
